/** The style of the page: light and dark, on paper, at the width of a phone and of a desk. */

const LIGHT = `
--page:#f6f6f4;--card:#ffffff;--ink:#1c1e21;--soft:#5b6068;--line:#dcdcd8;--track:#efefec;
--good:#0a6b4a;--good-tint:#e6f3ed;--bad:#a92c1e;--bad-tint:#fbeae7;--warning:#855300;--warning-tint:#fbf1dd;--plain:#2f5c93;--plain-tint:#e8eff7;
--source:#6f7681;--before:#aebfd6;--after:#2c69b0;--kept:#c77d0a;--rejected:#bb4733;--overwritten:#7b5aa6;--edge:#9aa0a8;
--c0:#0072b2;--c1:#e08a00;--c2:#00916a;--c3:#cc5500;--c4:#4aa3d8;--c5:#bf6596;--c6:#b3a11f;--c7:#8c9199`

const DARK = `
--page:#131518;--card:#1b1e22;--ink:#e9e9e6;--soft:#a3a9b1;--line:#33373d;--track:#262a2f;
--good:#5fcf9f;--good-tint:#173027;--bad:#ff9383;--bad-tint:#3a1e1b;--warning:#f0b755;--warning-tint:#33280f;--plain:#8db9ec;--plain-tint:#1b2a3c;
--source:#9aa2ad;--before:#54698a;--after:#5b9ce6;--kept:#d9962f;--rejected:#e0705c;--overwritten:#a98ad2;--edge:#636a73;
--c0:#3d9bd6;--c1:#f0a53a;--c2:#2cb88f;--c3:#ef7f3a;--c4:#8ccbf2;--c5:#dd8fb8;--c6:#d8c84a;--c7:#8c9199`

const BASE = `
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
main,footer{max-width:1040px;margin:0 auto;padding:0 24px}
main{padding-top:36px}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.92em}
h1,h2,p,ul,ol,table,figure{margin:0;padding:0}
h2{font-size:1.06rem;font-weight:650;margin-bottom:14px}
p+p{margin-top:6px}
section,.verdict{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:24px;margin-bottom:18px}
.soft,.hint,.more,figcaption{color:var(--soft)}
.run{display:flex;flex-wrap:wrap;gap:2px 16px;justify-content:space-between;color:var(--soft);font-size:.9rem;margin-bottom:12px}
.run b{color:var(--ink);font-weight:650}
.verdict h1{font-size:1.9rem;line-height:1.2;font-weight:700;display:flex;align-items:center;gap:12px;margin-bottom:10px}
.verdict h1 svg{width:34px;height:34px;flex:none}
.verdict .disc{fill:currentColor}
.verdict .sign{fill:none;stroke:var(--card);stroke-width:2.6;stroke-linecap:round;stroke-linejoin:round}
.verdict.good h1{color:var(--good)}.verdict.bad h1{color:var(--bad)}.verdict.warning h1{color:var(--warning)}.verdict.plain h1{color:var(--plain)}
.verdict.good{border-top:4px solid var(--good)}.verdict.bad{border-top:4px solid var(--bad)}.verdict.warning{border-top:4px solid var(--warning)}.verdict.plain{border-top:4px solid var(--plain)}
.verdict p{max-width:74ch}
.sides{display:grid;grid-template-columns:minmax(0,1fr) auto minmax(0,1fr);gap:14px;align-items:center;margin-top:22px}
.sides.single{grid-template-columns:minmax(0,1fr)}
.side{border:1px solid var(--line);border-radius:8px;padding:14px 16px;align-self:stretch}
.side h2{font-size:.86rem;color:var(--soft);font-weight:600;margin-bottom:4px}
.fingerprint{font-size:1.24rem;font-weight:600;letter-spacing:.01em}
.fingerprint.none{font-size:1rem;font-weight:400;color:var(--soft);font-style:italic;line-height:1.86rem}
.side dl{margin:10px 0 0;font-size:.9rem;display:grid;grid-template-columns:auto minmax(0,1fr);gap:1px 12px}
.side dt{color:var(--soft)}.side dd{margin:0}
.relation{width:36px;height:36px;border-radius:50%;display:grid;place-items:center;font-size:1.3rem;font-weight:700;color:var(--soft);border:1px solid var(--line)}
.relation.equal{color:var(--good);background:var(--good-tint);border-color:transparent}.relation.unequal{color:var(--bad);background:var(--bad-tint);border-color:transparent}
.relation.kept{color:var(--warning);background:var(--warning-tint)}
.comparison{margin-top:12px;font-size:.95rem}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
`

const PARTS = `
table{width:100%;border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);font-size:.92rem;padding-bottom:8px}
th{font-weight:500;text-align:left}
thead th{color:var(--soft);font-size:.84rem;font-weight:500;vertical-align:bottom;border-bottom:1px solid var(--line);padding:0 0 6px 14px}
thead td{border-bottom:1px solid var(--line)}
thead th:first-child{padding-left:0}
tbody th,tbody td{padding:6px 0 6px 14px;vertical-align:middle;border-bottom:1px solid var(--line)}
tbody tr:last-child>*{border-bottom:0}
tbody th,tbody td:first-child{padding-left:0}
.number{text-align:right;white-space:nowrap}
.counts,.timeline{table-layout:fixed}
.counts thead th.number,.timeline thead th.number{width:104px;white-space:normal}
.barred{display:grid;grid-template-columns:minmax(0,2fr) minmax(0,3fr);gap:4px 16px;align-items:center}
svg.bars,svg.shares{display:block;width:100%}
.share p{margin-bottom:0}svg.shares{height:14px;margin:10px 0;border-radius:3px}
details{margin-top:10px}summary{cursor:pointer;color:var(--soft);font-size:.9rem;padding:4px 0}details table{margin-top:8px}
.track{fill:var(--track)}
.source{fill:var(--source);background:var(--source)}.before{fill:var(--before);background:var(--before)}.after{fill:var(--after);background:var(--after)}
.written{fill:var(--after);background:var(--after)}.same{fill:var(--source);background:var(--source)}.kept{fill:var(--kept)}.swatch.kept{background:var(--kept)}.rejected{fill:var(--rejected);background:var(--rejected)}.overwritten{fill:var(--overwritten);background:var(--overwritten)}
.swatch{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}
.ways tbody th{white-space:nowrap}.ways td:last-child{width:64%;color:var(--soft)}
.counts+.counts,details+.counts{margin-top:28px}
.more{font-size:.9rem;margin-top:8px}
.hint{display:block;font-size:.82rem;font-weight:400;line-height:1.3}
.kinds li,.notes li,.left li{margin:0 0 8px 1.1em}
.kinds b{font-weight:600}
.kinds .ids{display:block;font-size:.9rem;color:var(--soft)}
h3{font-size:.95rem;font-weight:600;margin:18px 0 8px}h3:first-of-type{margin-top:0}
.error{border-left:4px solid var(--bad);padding-left:21px}.error.mild{border-left-color:var(--warning)}
.next{margin-top:14px}.next li{list-style:none;margin-bottom:8px}.next code{background:var(--track);border-radius:5px;padding:3px 7px;box-decoration-break:clone;-webkit-box-decoration-break:clone}
.differences td{vertical-align:top}.differences .kind{white-space:nowrap;font-weight:500}
.graph svg{display:block}
.graph>svg{width:100%;height:auto}
.graph .edge{fill:none;stroke:var(--edge);stroke-width:1.1}
.graph .head{fill:var(--edge)}
.graph .node{stroke:var(--card);stroke-width:1.5}
.graph g:hover>.edge{stroke:var(--ink);stroke-width:2}.graph g:hover>.node{stroke:var(--ink)}
.graph .ring,.legend .ring{fill:none;stroke:var(--bad);stroke-width:2.2}
.graph text{font-size:12px;fill:var(--ink);text-anchor:middle;paint-order:stroke;stroke:var(--card);stroke-width:3.5px;stroke-linejoin:round;pointer-events:none}
.graph .below{dominant-baseline:hanging}
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}.c6{fill:var(--c6)}.c7{fill:var(--c7)}
figcaption{font-size:.9rem;margin-top:10px}
.legend{font-size:.9rem;margin-top:10px}
.legend ul{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin-top:6px}
.legend .dot{display:inline-block;width:12px;height:12px;margin-right:6px;vertical-align:-1px}
.legend .arrow{color:var(--soft);margin-right:5px}.legend .n{color:var(--soft)}
footer{color:var(--soft);font-size:.86rem;padding-bottom:40px}
`

const NARROW = `
@media (max-width:640px){
body{font-size:15px}
main,footer{padding-left:12px;padding-right:12px}main{padding-top:16px}
section,.verdict{padding:16px;margin-bottom:12px;border-radius:8px}
.error{padding-left:13px}.verdict h1{font-size:1.5rem}.verdict h1 svg{width:28px;height:28px}
.sides{grid-template-columns:minmax(0,1fr);gap:8px}.relation{justify-self:center}
.fingerprint{font-size:1.08rem}
.counts thead th.number{width:62px}.timeline thead th.number{width:66px}
.barred{grid-template-columns:minmax(0,1fr)}
thead .swatch{display:block;margin:0 0 4px auto}
tbody th,tbody td,thead th{padding-left:8px}tbody th,tbody td:first-child,thead th:first-child{padding-left:0}
table{font-size:.86rem}thead th{font-size:.78rem}
.timeline .hint{display:none}
.ways td:last-child{width:auto}
.differences thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.differences table,.differences caption,.differences tbody,.differences tr,.differences td{display:block}
.differences tr{border-bottom:1px solid var(--line);padding:8px 0}.differences tr:last-child{border-bottom:0}
.differences td{border:0;padding:1px 0}
.differences td[data-heading]::before{content:attr(data-heading) ": ";color:var(--soft)}
.graph text{font-size:24px;stroke-width:6px}.graph text.minor{display:none}
}
`

const PRINT = `
@media print{
body{background:#fff;font-size:11pt}
main{padding-top:0}
section,.verdict{break-inside:avoid;border-color:#bbb}
.differences,.chart{break-inside:auto}tr{break-inside:avoid}
svg rect,svg circle,.swatch{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
`

/** The whole style sheet. */
export const STYLE = `:root{color-scheme:light dark;${LIGHT}}
@media screen and (prefers-color-scheme:dark){:root{${DARK}}}${BASE}${PARTS}${NARROW}${PRINT}`
