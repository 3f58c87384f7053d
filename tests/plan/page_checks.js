// Looks at a report as a browser lays it out: what overflows, overlaps, or cannot be read.
(() => {
  const found = [];
  const win = window, page = document.documentElement;
  const scrolls = (e) => e.closest(".table, figure, pre, details:not([open])") !== null;
  if (page.scrollWidth > page.clientWidth + 1) found.push(`the page scrolls sideways: ${page.scrollWidth} > ${page.clientWidth}`);
  for (const e of document.querySelectorAll("main *")) {
    if (scrolls(e) || e.classList.contains("skip")) continue;
    const box = e.getBoundingClientRect();
    if (box.width && box.right > page.clientWidth + 1) found.push(`${e.tagName} ends at ${Math.round(box.right)}: ${e.textContent.slice(0, 40)}`);
  }
  const blocks = [...document.querySelectorAll("h1,h2,h3,h4,p,dl,.table,figure,nav,summary")].filter((e) => !e.closest("details:not([open]) > :not(summary)") && !e.classList.contains("skip"));
  for (let k = 1; k < blocks.length; k++) {
    const a = blocks[k - 1], b = blocks[k];
    if (a.contains(b) || b.contains(a)) continue;
    const one = a.getBoundingClientRect(), two = b.getBoundingClientRect();
    if (one.height && two.height && one.bottom > two.top + 1 && one.left < two.right && two.left < one.right) found.push(`${a.tagName} and ${b.tagName} overlap: ${b.textContent.slice(0, 40)}`);
  }
  let level = 0;
  for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
    const own = Number(h.tagName[1]);
    if (own > level + 2) found.push(`${h.tagName} after h${level}: ${h.textContent}`);
    level = own;
  }
  if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
  for (const i of document.querySelectorAll("img")) {
    if (!i.alt || i.alt.length < 20) found.push(`an image without a text that says what it shows: ${i.alt}`);
    if (!i.naturalWidth) found.push(`an image that cannot be shown: ${i.alt}`);
  }
  const channel = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (c) => { const [r, g, b] = c.match(/[\d.]+/g).map(Number); return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = win.getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c) && c !== "transparent") return c; } return "rgb(255,255,255)"; };
  for (const e of document.querySelectorAll("p,td,th,dt,dd,summary,figcaption,a,h1,h2,h3,h4")) {
    const [x, y] = [light(win.getComputedStyle(e).color), light(behind(e))].sort((a, b) => b - a);
    if ((x + 0.05) / (y + 0.05) < 4.5) found.push(`contrast below 4.5: ${e.tagName} ${e.textContent.slice(0, 30)}`);
  }
  return [...new Set(found)].slice(0, 30);
})()
