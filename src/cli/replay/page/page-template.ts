/**
 * The template of report pages: one file without scripts, without anything from the network, and with nothing that only a mouse can
 * do. A module, so that it is in the package like any other code. `<%=` escapes what it puts in, `<%~` is for markup of ours.
 */
export const pageTemplate = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title><%= it.page.title %></title>
<style><%~ it.style %></style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header>
<p class="brand">Model Service</p>
<h1><%= it.page.title %></h1>
<p class="subtitle"><%= it.page.subtitle %></p>
<p class="verdict <%= it.page.verdict.isGood ? 'good' : 'bad' %>"><span aria-hidden="true"><%= it.page.verdict.isGood ? '✓' : '✕' %></span> <%= it.page.verdict.text %></p>
</header>
<nav aria-label="Chapters"><ul>
<% it.page.sections.forEach((section, index) => { %><li><a href="#s<%= index %>"><%= section.heading %></a></li>
<% }) %></ul></nav>
<main id="main" tabindex="-1">
<dl class="tiles">
<% it.page.tiles.forEach((tile) => { %><div><dt><%= tile.label %></dt><dd><%= tile.value %></dd></div>
<% }) %></dl>
<dl class="facts">
<% it.page.facts.forEach((fact) => { %><div><dt><%= fact.label %></dt><dd><code><%= fact.text %></code></dd></div>
<% }) %></dl>
<% it.page.sections.forEach((section, index) => { %>
<section id="s<%= index %>" aria-labelledby="h<%= index %>">
<h2 id="h<%= index %>"><%= section.heading %></h2>
<% if (section.lead !== null) { %><p><%= section.lead %></p><% } %>
<div class="<%= section.chart === null ? 'alone' : 'beside' %>">
<% if (section.chart !== null && section.chart.kind === 'bars') { %>
<figure role="group" aria-label="<%= section.heading %>, as bars">
<ul class="bars">
<% section.chart.bars.forEach((bar) => { %><li><span class="label"><%= bar.label %></span><span class="track" aria-hidden="true"><span class="fill <%= bar.tone %>" style="width:<%= it.share(bar.value, section.chart.bars) %>%"></span></span><span class="value"><%= bar.text %></span></li>
<% }) %></ul>
</figure>
<% } else if (section.chart !== null) { const chart = it.columnChart(section.chart.columns) %>
<figure>
<svg viewBox="0 0 <%= it.width %> <%= it.height %>" role="img" aria-label="<%= section.heading %>, as columns; the table has the figures">
<% chart.lines.forEach((line) => { %><line class="grid" x1="<%= chart.plot.left %>" x2="<%= chart.plot.right %>" y1="<%= line.y %>" y2="<%= line.y %>"/><text class="tick" x="<%= chart.plot.left - 8 %>" y="<%= line.y + 4 %>" text-anchor="end"><%= line.text %></text>
<% }) %><% chart.columns.forEach((column) => { %><rect class="column" x="<%= column.x %>" y="<%= column.y %>" width="<%= column.width %>" height="<%= column.height %>" rx="2"><title><%= column.title %></title></rect>
<% }) %><% chart.labels.forEach((label) => { %><text class="tick" x="<%= label.x %>" y="<%= label.y %>" text-anchor="middle"><%= label.text %></text>
<% }) %></svg>
</figure>
<% } %>
<div class="scroll" role="region" tabindex="0" aria-label="<%= section.table.caption %>">
<table>
<caption><%= section.table.caption %></caption>
<thead><tr><% section.table.columns.forEach((column) => { %><th scope="col"<%~ column.isNumber ? ' class="number"' : '' %>><%= column.heading %></th><% }) %></tr></thead>
<tbody>
<% if (section.table.rows.length === 0) { %><tr><td colspan="<%= section.table.columns.length %>"><%= section.table.empty %></td></tr><% } %>
<% section.table.rows.forEach((row) => { %><tr><% row.forEach((cell, at) => { const column = section.table.columns[at] %><<%~ at === 0 ? 'th scope="row"' : 'td' %><%~ column.isNumber ? ' class="number"' : '' %>><% if (column.isCode) { %><code><%= cell %></code><% } else { %><%= cell %><% } %></<%~ at === 0 ? 'th' : 'td' %>><% }) %></tr>
<% }) %></tbody>
</table>
</div>
</div>
</section>
<% }) %>
</main>
<footer>
<% it.page.footer.forEach((line) => { %><p><%= line %></p>
<% }) %></footer>
</body>
</html>
`

/** The style of report pages: by the reader's choice of light or dark, for narrow screens and for paper too. */
export const pageStyle = `
:root { color-scheme: light dark;
  --ground: light-dark(#f6f7f9, #14171c); --card: light-dark(#ffffff, #1d2128); --line: light-dark(#d9dee5, #353b45);
  --text: light-dark(#1b2129, #e8ebf0); --soft: light-dark(#54606e, #a3adba);
  --plain: light-dark(#3b6fb6, #6fa3e8); --good: light-dark(#2b7a45, #5cb97a); --bad: light-dark(#b3322c, #ef7a72);
  --warn: light-dark(#9a6700, #d9a441); --muted: light-dark(#77818e, #8a94a3);
  --good-ground: light-dark(#e4f3e8, #18321f); --bad-ground: light-dark(#fbe7e5, #3c1c1a); }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
header, nav, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 32px; }
.brand { margin: 0; color: var(--soft); font-size: 13px; letter-spacing: .06em; text-transform: uppercase; }
h1 { margin: 4px 0 0; font-size: 28px; line-height: 1.2; }
h2 { margin: 0 0 4px; font-size: 19px; }
.subtitle { margin: 6px 0 16px; color: var(--soft); overflow-wrap: anywhere; }
.verdict { display: inline-block; margin: 0; padding: 8px 14px; border-radius: 8px; font-weight: 600; }
.verdict.good { background: var(--good-ground); color: var(--good); }
.verdict.bad { background: var(--bad-ground); color: var(--bad); }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 20px 0; padding: 0; list-style: none; }
a { color: var(--plain); }
a:focus-visible, .scroll:focus-visible { outline: 3px solid var(--plain); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 16px; top: 12px; padding: 8px 12px; background: var(--card); }
main:focus { outline: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 12px; margin: 0 0 12px; }
.tiles div, .facts, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tiles div { padding: 12px 14px; }
.tiles dt, .facts dt { color: var(--soft); font-size: 13px; }
.tiles dd { margin: 0; font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.facts { margin: 0 0 20px; padding: 10px 16px; }
.facts div { padding: 4px 0; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
code { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
section { margin: 0 0 20px; padding: 20px; scroll-margin-top: 12px; }
section > p { margin: 0 0 12px; color: var(--soft); }
.beside { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 28px; align-items: start; }
@media (max-width: 1000px) { .beside { grid-template-columns: minmax(0, 1fr); } }
figure { margin: 6px 0 0; }
.bars { display: grid; grid-template-columns: fit-content(45%) 1fr auto; column-gap: 10px; margin: 0; padding: 0; list-style: none; }
.bars li { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; align-items: center; padding: 5px 0; }
.bars .label { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bars .track { height: 16px; border-radius: 4px; background: light-dark(#eef1f5, #272c35); overflow: hidden; }
.bars .fill { display: block; height: 100%; min-width: 2px; border-radius: 4px; }
.bars .value { font-variant-numeric: tabular-nums; color: var(--soft); text-align: right; }
.fill.plain { background: var(--plain); } .fill.good { background: var(--good); } .fill.bad { background: var(--bad); }
.fill.warn { background: var(--warn); } .fill.muted { background: var(--muted); }
svg { display: block; width: 100%; height: auto; }
.column { fill: var(--plain); } .grid { stroke: var(--line); } .tick { fill: var(--soft); font-size: 12px; }
.scroll { overflow: auto; max-height: 420px; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
caption { padding: 0 0 6px; text-align: left; color: var(--soft); font-size: 13px; }
th, td { padding: 6px 10px; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
td { overflow-wrap: break-word; }
thead th { position: sticky; top: 0; background: var(--card); border-top: 0; color: var(--soft); font-size: 13px; font-weight: 600; }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
footer { padding-bottom: 40px; color: var(--soft); font-size: 13px; }
@media print { .scroll { max-height: none; } nav, .skip { display: none; } section { break-inside: avoid; } }
`
