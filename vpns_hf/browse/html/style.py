"""How the page looks, and the little that it does in the browser itself."""

from __future__ import annotations

# Colours are those of Gradio's theme, light or dark; those of the methods are Okabe and Ito's, which stay distinct for
# colour-blind readers.
CSS = """
.gradio-container {width: 100%; max-width: 1280px !important; margin: 0 auto; overflow-x: clip;
  --vp-quiet: color-mix(in srgb, var(--body-text-color) 72%, var(--body-background-fill))}
.gradio-container .block, .gradio-container .html-container {min-width: 0}
.gradio-container [role=tab][aria-selected=true] {color: var(--body-text-color) !important}
.vp {min-width: 0; color: var(--body-text-color); font-size: 0.95rem; line-height: 1.45}
.vp h2 {font-size: 1.2rem; font-weight: 700; margin: 1.25rem 0 0.5rem; overflow-wrap: anywhere}
.vp h3 {font-size: 1.05rem; font-weight: 600; margin: 1.25rem 0 0.5rem; overflow-wrap: anywhere}
.vp figure {padding: 0}
.vp-c0 {--c: #0072b2} .vp-c1 {--c: #d55e00} .vp-c2 {--c: #009e73} .vp-c3 {--c: #e69f00}
.vp-c4 {--c: #56b4e9} .vp-c5 {--c: #cc79a7} .vp-c6 {--c: #8f7fe0} .vp-c7 {--c: #999999}
.vp-chart {margin: 0.5rem 0}
.vp-plot {position: relative; height: 20rem; margin: 0.75rem 1.5rem 2rem 3.75rem;
  border-left: 1px solid var(--border-color-primary); border-bottom: 1px solid var(--border-color-primary)}
.vp-chart figcaption {display: flex; justify-content: space-between; gap: 1rem; font-size: 0.8rem;
  color: var(--vp-quiet)}
.vp-gy, .vp-gx {position: absolute; font-size: 0.75rem; font-style: normal; color: var(--vp-quiet)}
.vp-gy {left: 0; right: 0; border-top: 1px solid var(--border-color-primary); opacity: 0.9}
.vp-gy span {position: absolute; right: calc(100% + 0.4rem); top: -0.6rem; white-space: nowrap}
.vp-gx {bottom: 0; height: 0.35rem; border-left: 1px solid var(--border-color-primary)}
.vp-gx span {position: absolute; top: 0.6rem; transform: translateX(-50%); white-space: nowrap}
.vp-band {position: absolute; left: 0; right: 0; min-height: 2px; font-style: normal;
  background: color-mix(in srgb, var(--body-text-color) 12%, transparent);
  border-top: 1px dashed var(--vp-quiet)}
.vp-band span {position: absolute; right: 0.25rem; bottom: 100%; font-size: 0.75rem; color: var(--vp-quiet)}
.vp-plot svg {position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible}
.vp-plot polyline {color: var(--c); stroke-width: 2px; vector-effect: non-scaling-stroke}
.vp-dot {box-sizing: border-box; position: absolute; width: 0.8rem; height: 0.8rem; margin: 0 0 -0.4rem -0.4rem; border-radius: 50%;
  background: color-mix(in srgb, var(--c) 70%, transparent); border: 1.5px solid var(--c); cursor: pointer}
.vp-s1 {border-radius: 0} .vp-s2 {border-radius: 0; transform: rotate(45deg)}
.vp-dot:hover {z-index: 5; background: var(--c)}
.vp-dot:hover::after {content: attr(data-tip); position: absolute; bottom: 1rem; padding: 0.4rem 0.6rem;
  white-space: pre; font: 400 0.8rem/1.35 system-ui, sans-serif; pointer-events: none; border-radius: 0.4rem;
  color: var(--body-text-color); background: var(--background-fill-primary);
  border: 1px solid var(--border-color-primary); box-shadow: 0 2px 8px rgb(0 0 0 / 25%)}
.vp-right:hover::after {left: 0.5rem} .vp-left:hover::after {right: 0.5rem}
.vp-legend {display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0; margin: 0 0 0.75rem; list-style: none;
  font-size: 0.85rem}
.vp-legend li {display: flex; align-items: center; gap: 0.4rem; margin: 0}
.vp-key {width: 0.75rem; height: 0.75rem; border-radius: 50%; background: var(--c)}
.vp-key.vp-s1, .vp-key.vp-s2 {border-radius: 0}
.vp-note {color: var(--vp-quiet); font-size: 0.9rem; margin: 0.5rem 0}
.vp-error {overflow-wrap: anywhere; color: var(--error-text-color, #b91c1c); font-weight: 600}
.vp-scroll {overflow: auto; max-height: 32rem; border: 1px solid var(--border-color-primary); border-radius: 0.5rem}
.vp-table {border-collapse: collapse; width: 100%; margin: 0; font-size: 0.875rem; font-variant-numeric: tabular-nums}
.vp-table th, .vp-table td {padding: 0.35rem 0.7rem; text-align: left; white-space: nowrap; font-weight: 400;
  border: 0; border-bottom: 1px solid var(--border-color-primary)}
.vp-table td {max-width: 22rem; overflow: hidden; text-overflow: ellipsis}
.vp-table tbody th {max-width: 18rem; overflow: hidden; text-overflow: ellipsis}
.vp-table thead th {position: sticky; top: 0; z-index: 1; font-weight: 600; background: var(--background-fill-secondary)}
.vp-table tbody tr:last-child > * {border-bottom: 0}
.vp-table .vp-number {text-align: right}
.vp-table thead th:has(button) {padding: 0}
.vp-table thead button {all: unset; box-sizing: border-box; width: 100%; padding: 0.35rem 0.7rem; cursor: pointer;
  font-weight: 600; white-space: nowrap}
.vp-table tbody tr:hover {background: var(--background-fill-secondary)}
.vp-table a, .vp-table a:visited {color: var(--link-text-color); text-decoration: underline}
.vp-text {contain: content}
@media (max-width: 40rem) {.vp-table tbody th {max-width: 10rem} .vp-table th, .vp-table td {padding: 0.35rem 0.5rem}
  .vp-table thead button {padding: 0.35rem 0.5rem}}
.vp-marked th, .vp-marked td {font-weight: 700}
.vp-table button:focus-visible, .vp-table a:focus-visible, .vp-scroll:focus-visible, .vp-code :focus-visible,
.vp-examples button:focus-visible {outline: 2px solid var(--color-accent); outline-offset: 2px}
.vp-columns {display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem 2rem;
  align-items: start}
.vp-columns > * {min-width: 0}
.vp-figures {display: flex; flex-wrap: wrap; gap: 0.75rem 2rem; margin: 0.5rem 0 1rem}
.vp-figures dt {font-size: 0.8rem; color: var(--vp-quiet)}
.vp-figures dd {margin: 0; font-size: 1.4rem; font-weight: 600}
.vp-facts {border-collapse: collapse; width: 100%; font-size: 0.875rem}
.vp-facts th, .vp-facts td {padding: 0.3rem 0.5rem 0.3rem 0; text-align: left; vertical-align: top; font-weight: 400;
  border: 0; border-bottom: 1px solid var(--border-color-primary); overflow-wrap: anywhere}
.vp-facts th {color: var(--vp-quiet); width: 45%}
.vp-paper {margin: 0; padding: 0.5rem; background: #fff; border-radius: 0.5rem}
.vp-paper img {display: block; width: 100%; height: auto}
.vp-bars {border-collapse: collapse; width: 100%; font-size: 0.8rem; font-variant-numeric: tabular-nums}
.vp-bars caption {text-align: left; color: var(--vp-quiet); font-size: 0.8rem; padding-bottom: 0.25rem}
.vp-bars th, .vp-bars td {border: 0; padding: 0.1rem 0.5rem 0.1rem 0; font-weight: 400; text-align: left}
.vp-bars th {direction: rtl; width: 1%; white-space: nowrap; max-width: min(24rem, 33vw); overflow: hidden; text-overflow: ellipsis}
.vp-bars td:last-child {width: 1%; white-space: nowrap; text-align: right; padding-right: 0}
.vp-bar {display: block; height: 0.65rem; min-width: 1px; background: #0072b2; border-radius: 0 0.2rem 0.2rem 0}
.vp-code {position: relative}
.vp-code pre {white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; padding: 0.75rem 5rem 0.75rem 0.75rem; font-size: 0.8rem; border-radius: 0.5rem;
  background: var(--background-fill-secondary); border: 1px solid var(--border-color-primary)}
.vp-code button {position: absolute; top: 0.4rem; right: 0.4rem; padding: 0.2rem 0.7rem; font-size: 0.8rem;
  border-radius: 0.4rem; border: 1px solid var(--border-color-primary); background: var(--background-fill-primary);
  color: var(--body-text-color); cursor: pointer}
.vp-cards {display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: 1rem}
.vp-card {border: 1px solid var(--border-color-primary); border-radius: 0.5rem; padding: 0.75rem; min-width: 0}
.vp-card h2 {margin: 0 0 0.5rem; font-size: 1rem}
.vp-views {display: grid; gap: 1rem}
.vp-view h3 {margin: 0 0 0.35rem; font-size: 0.85rem; font-weight: 600}
.vp-view img, .vp-examples img {image-rendering: pixelated; border: 1px solid var(--border-color-primary)}
.vp-view img {width: 7rem; height: 7rem; margin-bottom: 0.4rem}
.vp-examples {display: flex; flex-wrap: wrap; gap: 0.5rem; padding: 0; margin: 0; list-style: none}
.vp-examples li {margin: 0}
.vp-examples button {all: unset; cursor: pointer; text-align: center; font-size: 0.75rem; display: block}
.vp-examples img {display: block; width: 4.5rem; height: 4.5rem}
"""

# What an element with data-... does when it is clicked, whatever the page has put there since.
CLICKS = """
element.addEventListener('click', event => {
  const hit = event.target.closest('[data-copy], [data-sort], [data-model], [data-example]');
  if (!hit || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const data = hit.dataset;
  if (data.copy !== undefined) navigator.clipboard.writeText(data.copy).then(() => { hit.textContent = 'Copied'; });
  else if (data.sort !== undefined) trigger('sort', {column: data.sort});
  else if (data.example !== undefined) trigger('example', {place: Number(data.example)});
  else trigger('open', {key: data.model});
});
"""

# The page of a Space is a frame in that of the Hub, which keeps the address.
ADDRESS = """
const place = query => ['tab', 'model'].map(name => new URLSearchParams(query).get(name) || '').join(' ');
let started = false;
window.addEventListener('popstate', () => location.reload());
watch('value', () => {
  if (!props.value) return;
  document.getElementById('address')?.setAttribute('data-started', '');
  const leaves = started && place(location.search) !== place(props.value);
  history[leaves ? 'pushState' : 'replaceState'](null, '', props.value === '?' ? location.pathname : props.value);
  started = true;
  if (window.parent !== window) window.parent.postMessage({queryString: props.value.slice(1)}, 'https://huggingface.co');
});
"""
