// Looks at a page of the site as a browser lays it out: what overflows, and what cannot be shown.
(() => {
  const found = [], page = document.documentElement;
  const scrolls = (e) => e.closest("pre, .highlight, .pst-scrollable-table-container, .math-block, .output, .cell_output, .bd-sidebar, .bd-header, dialog") !== null;
  if (page.scrollWidth > page.clientWidth + 1) found.push(`the page scrolls sideways: ${page.scrollWidth} > ${page.clientWidth}`);
  for (const e of document.querySelectorAll("article *")) {
    if (scrolls(e)) continue;
    const box = e.getBoundingClientRect();
    if (box.width && box.right > page.clientWidth + 1) found.push(`${e.tagName} ends at ${Math.round(box.right)}: ${e.textContent.slice(0, 40)}`);
  }
  for (const i of document.querySelectorAll("article img")) if (!i.naturalWidth) found.push(`an image that cannot be shown: ${i.getAttribute("src").slice(0, 60)}`);
  if (document.querySelectorAll("article h1").length < 1) found.push("no h1");
  return [...new Set(found)].slice(0, 12);
})()
