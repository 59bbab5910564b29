/** One line of a plot: x and y of each point. */
export interface Line {
  name: string;
  points: [x: number, y: number][];
}

const [WIDTH, HEIGHT] = [680, 260];
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 120, 34, 40];
const COLOURS = ['#2563eb', '#c2410c', '#15803d', '#7e22ce', '#0e7490', '#a16207'];
/** Names are so far from each other at least, that they can be read. */
const NAME_HEIGHT = 14;

/** Lines over a common axis as an SVG picture that reads on light and dark pages. Both axes begin at zero. */
export function linePlot(
  lines: Line[],
  about: { title: string; x: string; y: string; limit?: { y: number; name: string } },
): string {
  const points = lines.flatMap((line) => line.points);
  const right = roundUp(Math.max(...points.map(([x]) => x)));
  const top = roundUp(Math.max(...points.map(([, y]) => y), about.limit?.y ?? 0));
  const across = (x: number) => (LEFT + (x / right) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const up = (y: number) => (HEIGHT - BOTTOM - (y / top) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const names = heightsOfNames(lines.map(({ points: own }) => Number(up(own.at(-1)?.[1] ?? 0)) + 4));
  const parts = [
    `<text x="${LEFT}" y="18" font-weight="600">${about.title}</text>`,
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((part) => [
      `<path d="M${LEFT} ${up(part * top)}H${WIDTH - RIGHT}" stroke="#8884"/>`,
      `<text x="${LEFT - 6}" y="${Number(up(part * top)) + 4}" text-anchor="end">${label(part * top)}</text>`,
      `<text x="${across(part * right)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${label(part * right)}</text>`,
    ]),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${about.x}</text>`,
    `<text x="${LEFT}" y="${TOP - 4}" font-size="11">${about.y}</text>`,
    ...(about.limit
      ? [
          `<path d="M${LEFT} ${up(about.limit.y)}H${WIDTH - RIGHT}" stroke="#b91c1c" stroke-dasharray="5 4"/>`,
          `<text x="${WIDTH - RIGHT + 6}" y="${Number(up(about.limit.y)) + 4}" fill="#b91c1c">${about.limit.name}</text>`,
        ]
      : []),
    ...lines.flatMap(({ name, points: own }, index) => {
      const colour = COLOURS[index % COLOURS.length];
      const [x] = own.at(-1) ?? [0];
      return [
        `<path d="M${own.map((point) => `${across(point[0])} ${up(point[1])}`).join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        `<text x="${Number(across(x)) + 6}" y="${names[index]}" fill="${colour}">${name}</text>`,
      ];
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#777">
${parts.join('\n')}
</svg>
`;
}

const label = (value: number): string => String(Math.round(value * 100) / 100);

/** Where names stand that would lie on each other: from the lowest line upwards, each as near to its line as there is room. */
function heightsOfNames(wanted: number[]): number[] {
  const heights = [...wanted];
  let free = Number.POSITIVE_INFINITY;
  const lowestFirst = [...wanted.keys()].sort((a, b) => (wanted[b] ?? 0) - (wanted[a] ?? 0));
  for (const index of lowestFirst) {
    heights[index] = Math.min(wanted[index] ?? 0, free);
    free = (heights[index] ?? 0) - NAME_HEIGHT;
  }
  return heights;
}

/** The next value that divides well by four. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return ([1, 2, 4, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}
