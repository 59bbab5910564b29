import { createHash } from 'node:crypto';

/** The page's whole style. It stands in the page, and the content policy names it by its hash: nothing is loaded. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#f3f6f8;--card:#fff;--ink:#13202b;--soft:#4f606e;--line:#dce4ea;--track:#e6ecf1;
--good:#1b7f4d;--good-soft:#dcf2e5;--good-ink:#0f5a35;--warn:#b86e00;--warn-soft:#fdeccd;--warn-ink:#7a4800;
--bad:#c22f2f;--bad-soft:#fbe0de;--bad-ink:#971f20;--idle:#e4eaef;--idle-ink:#465663;--plot:#1d6fb8;--plot-soft:#1d6fb826;
--link:#0b5cad;--hero:#0b2a41;--hero-ink:#f2f7fb;--hero-soft:#b9cddd;--mark:#fff;--radius:14px}
@media (prefers-color-scheme:dark){:root{--bg:#0c141b;--card:#141f29;--ink:#e7eef4;--soft:#9fb0bf;--line:#263543;--track:#22313e;
--good:#3dbb7c;--good-soft:#12372a;--good-ink:#86e2b3;--warn:#e5a43b;--warn-soft:#3c2d10;--warn-ink:#f4ca83;
--bad:#f0716b;--bad-soft:#43201f;--bad-ink:#ffb1ab;--idle:#22303c;--idle-ink:#b3c2ce;--plot:#64b0f2;--plot-soft:#64b0f230;
--link:#7dbcf7;--hero:#0f2638;--hero-ink:#eef5fa;--hero-soft:#a9c0d2;--mark:#0c141b}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
a{color:var(--link)}a:hover{text-decoration-thickness:2px}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:4px}
h1,h2,h3,p,dl,dd,ul,figure{margin:0;padding:0}
h2{font-size:18px;line-height:1.3}h3{font-size:13px;font-weight:600;color:var(--soft);margin-bottom:6px}
time{text-decoration:none}
.skip{position:absolute;left:-999px}.skip:focus{left:12px;top:12px;background:var(--card);padding:8px 12px;z-index:2}
.wrap{max-width:1180px;margin:0 auto;padding:0 20px}
.hero{background:var(--hero);color:var(--hero-ink);padding:20px 0 26px}
.brand{display:flex;align-items:center;gap:10px;font-weight:650;letter-spacing:.01em}
.brand .taken{margin-left:auto;font-weight:400;font-size:13px;color:var(--hero-soft);text-align:right}
.verdict{display:flex;gap:16px;align-items:center;margin-top:22px}
.verdict .icon{width:52px;height:52px;flex:none}
.verdict.good .icon{color:#6fe0a8}.verdict.warn .icon{color:#ffc861}.verdict.bad .icon{color:#ff9a92}.verdict.unknown .icon{color:#b9cddd}
.verdict h1{font-size:26px;line-height:1.2;letter-spacing:-.01em;font-weight:680}
.verdict p{color:var(--hero-soft);margin-top:4px}
.hero nav{display:flex;flex-wrap:wrap;gap:6px;margin-top:18px}
.hero nav a{color:var(--hero-ink);text-decoration:none;font-size:13px;padding:4px 11px;border-radius:99px;background:#ffffff1c}
.hero nav a:hover{background:#ffffff33}
.hero :focus-visible{outline-color:#fff}
main{padding:22px 0 8px;display:grid;gap:18px}
.card{background:var(--card);border:1px solid var(--line);border-radius:var(--radius);padding:18px 20px;min-width:0}
.notice{border-left:5px solid var(--warn);background:var(--warn-soft);color:var(--warn-ink);border-radius:8px;padding:10px 14px}
.notice+.notice{margin-top:8px}
.head{display:flex;flex-wrap:wrap;align-items:center;gap:8px 12px}
.kind{font-size:12px;color:var(--soft);border:1px solid var(--line);border-radius:6px;padding:1px 7px}
.pill{display:inline-flex;align-items:center;gap:6px;font-size:13px;font-weight:600;border-radius:99px;padding:2px 11px 2px 5px;white-space:nowrap}
.pill .icon{width:18px;height:18px}
.pill.good{background:var(--good-soft);color:var(--good-ink)}.pill.warn{background:var(--warn-soft);color:var(--warn-ink)}
.pill.bad{background:var(--bad-soft);color:var(--bad-ink)}.pill.unknown{background:var(--idle);color:var(--idle-ink)}
.head .pill{margin-left:auto}
.sentence{color:var(--soft);margin-top:4px}
.facts{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:12px;margin-top:16px}
.facts>div{border:1px solid var(--line);border-radius:10px;padding:11px 13px;min-width:0}
.facts dt{font-size:13px;font-weight:600;color:var(--soft)}
.facts .big{font-size:21px;font-weight:660;letter-spacing:-.01em;line-height:1.35;font-variant-numeric:tabular-nums}
.facts .more{font-size:13px;color:var(--soft);overflow-wrap:anywhere}
.facts .big.bad{color:var(--bad-ink)}.facts .big.warn{color:var(--warn-ink)}.facts .big.faint{color:var(--soft);font-weight:500}
.gauge{display:block;width:100%;height:10px;margin:4px 0 6px}
.gauge .track{fill:var(--track)}.gauge.good .fill{fill:var(--good)}.gauge.warn .fill{fill:var(--warn)}.gauge.bad .fill{fill:var(--bad)}
.gauge .limit{fill:var(--ink)}
.pictures{display:grid;grid-template-columns:minmax(250px,1.02fr) repeat(3,minmax(0,1fr));gap:20px;margin-top:18px;align-items:start}
.pictures figure{min-width:0}.pictures svg{display:block;width:100%;height:auto}
svg text{font:10.5px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;fill:var(--soft)}
.day.none{fill:var(--idle)}.day.ok{fill:var(--good)}.day.partial{fill:var(--warn)}.day.failed{fill:var(--bad)}
.day.today{stroke:var(--ink);stroke-width:1.6}.mark{stroke:var(--mark);stroke-width:2;stroke-linecap:round;fill:none}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 10px;font-size:12px;color:var(--soft);margin-top:6px}
.legend li{display:inline-flex;align-items:center;gap:4px}.legend svg{width:13px!important;flex:none}
.grid{stroke:var(--line);fill:none}.line{stroke:var(--plot);stroke-width:1.8;fill:none;stroke-linejoin:round}.area{fill:var(--plot-soft)}
.dot,.bars rect{fill:var(--plot)}.hit{fill:transparent}.hit:hover{fill:var(--plot-soft)}
.empty{color:var(--soft);font-size:14px}
.scroll{overflow-x:auto;margin-top:12px}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-size:12.5px;color:var(--soft);font-weight:600;white-space:nowrap}
tr:last-child td,tr:last-child th{border-bottom:0}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.number+td,th.number+th{padding-left:16px}
td.quiet{color:var(--soft)}td time,td .pill,td.keep{white-space:nowrap}
code{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
details{margin-top:10px}summary{cursor:pointer;color:var(--link);font-size:14px;padding:2px 0}
.future{display:block;width:100%;min-width:640px;height:auto}.future text{font-size:12.5px}
.part+.part{border-top:1px solid var(--line);margin-top:18px;padding-top:16px}.part h3{font-size:15px;color:var(--ink);margin:10px 0 0}
.future .stay{stroke:var(--good);stroke-width:3.4;stroke-linecap:round}.future .leave{stroke:var(--warn);stroke-width:3.4;stroke-linecap:round}
.future .gone{stroke:var(--bad);stroke-width:3.4;stroke-linecap:round}.future .now{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:3 3}
.future circle{fill:var(--ink)}.future .end{fill:var(--warn)}
.keys{display:inline-block;width:18px;height:4px;border-radius:2px;vertical-align:middle}
.keys.stay{background:var(--good)}.keys.leave{background:var(--warn)}.keys.gone{background:var(--bad)}
footer{color:var(--soft);font-size:13px;padding:14px 0 34px;display:flex;flex-wrap:wrap;gap:6px 16px;align-items:center}
@media (min-width:621px){.future{max-width:1000px}}
button{font:inherit;color:var(--link);background:none;border:0;padding:0;text-decoration:underline;cursor:pointer}
.login{min-height:100vh;display:grid;place-items:center;padding:20px;background:var(--hero)}
.login form{background:var(--card);color:var(--ink);border-radius:var(--radius);padding:26px;width:100%;max-width:380px;display:grid;gap:12px}
.login .brand{font-size:18px}.login input{font:inherit;color:var(--ink);background:var(--bg);border:1px solid var(--soft);border-radius:8px;padding:9px 11px;width:100%}
.login button{background:#0b5cad;color:#fff;border-radius:8px;padding:10px;text-decoration:none;font-weight:600}
.login .wrong{color:var(--bad-ink);background:var(--bad-soft);border-radius:8px;padding:8px 11px}
@media (max-width:1040px){.pictures{grid-template-columns:repeat(2,minmax(0,1fr))}.facts{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media (max-width:620px){.wrap{padding:0 14px}.card{padding:15px}.pictures{grid-template-columns:minmax(0,1fr)}.facts{gap:8px}
.facts>div{padding:9px 11px}.facts .big{font-size:18px}.verdict h1{font-size:21px}.verdict .icon{width:42px;height:42px}.head .pill{margin-left:0}
.brand .taken{font-size:12px}}
@media print{.hero nav,footer form{display:none}}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
`;

/** What the content policy allows: this style, and pictures that are in the page itself. */
export const CONTENT_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');
