// What does a page do by itself? Forms that send themselves, the count of ticks, and the keys that work everywhere.

for (const select of document.querySelectorAll("[data-sends-itself]")) {
  // With a keyboard a change happens with every arrow key: then the button beside it is what sends.
  let byPointer = false;
  select.addEventListener("pointerdown", () => { byPointer = true; });
  select.addEventListener("keydown", () => { byPointer = false; });
  select.addEventListener("change", () => { if (byPointer) select.form.requestSubmit(); });
}

const several = document.querySelector("form.several");
if (several) {
  const says = several.querySelector("[data-ticked]");
  const boxes = [...several.querySelectorAll("input[name=number]")];
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    says.textContent = ticked ? `${ticked} of ${boxes.length} ticked` : "";
  };
  const head = several.querySelector("th.tick");
  const all = document.createElement("button");
  all.type = "button";
  all.className = "seek small";
  all.textContent = "All";
  all.setAttribute("aria-label", "Tick all, or none");
  all.addEventListener("click", () => {
    const tick = !boxes.every((box) => box.checked);
    for (const box of boxes) box.checked = tick;
    count();
  });
  head.append(all);
  several.addEventListener("change", count);
  count();
}

export function isTyping(event) {
  const at = event.target;
  return at instanceof Element && at.closest("input, textarea, select, [contenteditable]") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const find = document.getElementById("find");
  if (!find) return;
  event.preventDefault();
  find.focus();
});
