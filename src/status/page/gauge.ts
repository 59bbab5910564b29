import { type Html, html } from './html.ts';
import { span } from './words.ts';

const WIDTH = 200;

/** An age against its objective: a bar that is full at the objective, with a mark there when the age goes past it. */
export function gauge(ageMs: number, limitMs: number): Html {
  const whole = Math.max(limitMs, ageMs);
  const filled = Math.max(3, (ageMs / whole) * WIDTH);
  const limit = (limitMs / whole) * WIDTH;
  const tone = ageMs > limitMs ? 'bad' : ageMs > limitMs * 0.85 ? 'warn' : 'good';
  const words = `${span(ageMs)} of ${span(limitMs)}`;
  return html`<svg class="gauge ${tone}" viewBox="0 0 ${WIDTH} 10" preserveAspectRatio="none" role="img" aria-label="${words}"><title>${words}</title><rect class="track" width="${WIDTH}" height="6" y="2" rx="3"/><rect class="fill" width="${filled.toFixed(1)}" height="6" y="2" rx="3"/>${ageMs > limitMs && html`<rect class="limit" x="${(limit - 1).toFixed(1)}" width="2" height="10"/>`}</svg>`;
}
