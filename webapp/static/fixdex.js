// What a page with JavaScript does better; everything works without it.
const words = document.body.dataset;

for (const box of document.querySelectorAll("form.ask textarea")) {
  const grow = () => {
    box.style.setProperty("height", "auto");
    box.style.setProperty("height", `${box.scrollHeight}px`);
  };
  box.addEventListener("input", grow);
  box.addEventListener("keydown", (event) => {
    // Enter that confirms an input method's candidate is not the end of a question.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    box.form.requestSubmit();
  });
  grow();
}

document.addEventListener("keydown", (event) => {
  const elsewhere = event.target.closest?.("input, textarea, select, [contenteditable], fixdex-chat");
  if (event.key !== "/" || elsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
  const box = document.querySelector("form.ask textarea");
  if (!box) return;
  event.preventDefault();
  box.focus();
  box.select();
});

for (const block of document.querySelectorAll("[data-copyable], .body .code")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = words.copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("pre").textContent);
    button.textContent = words.copied;
    setTimeout(() => (button.textContent = words.copy), 2000);
  });
  block.append(button);
}
