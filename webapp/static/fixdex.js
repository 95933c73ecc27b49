// What a page with JavaScript does better; everything works without it.
const words = document.body.dataset;
const form = document.querySelector("form.ask");
const box = form?.querySelector("textarea");
const found = document.querySelector("#found");
const told = document.querySelector("#told");
const DEBOUNCE = 180;

// Enter that confirms an input method's candidate is not the end of a question.
const composing = (event) => event.isComposing || event.keyCode === 229;

function read(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`fixdex ${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(`fixdex ${name}`, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing still answers.
  }
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

// Buttons that only a script can serve.

function equip(root) {
  for (const block of root.querySelectorAll("[data-copyable], .body .code")) {
    const button = make("button", "copy", words.copy);
    button.type = "button";
    button.addEventListener("click", async () => {
      const pre = block.querySelector("pre");
      try {
        await navigator.clipboard.writeText(pre.textContent);
      } catch {
        // Only safe addresses have a clipboard: elsewhere it is chosen, ready for Ctrl+C.
        getSelection().selectAllChildren(pre);
        return;
      }
      button.textContent = words.copied;
      say(words.copied);
      setTimeout(() => (button.textContent = words.copy), 2000);
    });
    block.append(button);
  }
  for (const helped of root.querySelectorAll("form.helped")) {
    helped.addEventListener("submit", async (event) => {
      event.preventDefault();
      const data = new FormData(helped, event.submitter);
      const reason = data.get("reason");
      const body = { question: data.get("question"), post: data.get("post"), helped: !reason, reason };
      const response = await fetch(new URL("api/feedback", form.action), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      }).catch(() => null);
      const said = response?.ok ? words.thanks : words.notNoted;
      helped.replaceChildren(make("span", "", said));
      say(said);
    });
  }
  showRecent(root);
}

function say(text) {
  if (told) told.textContent = text;
}

// Questions of this browser, kept in it alone.

function remember(question) {
  question = question.trim().slice(0, 300);
  if (question) keep("asked", [question, ...read("asked", []).filter((one) => one !== question)].slice(0, 8));
}

function showRecent(root) {
  const recent = root.querySelector(".recent");
  const asked = read("asked", []);
  if (!recent || !asked.length) return;
  recent.hidden = false;
  recent.querySelector("ul").replaceChildren(
    ...asked.map((question) => {
      const item = document.createElement("li");
      const link = make("a", "", question.split("\n")[0].slice(0, 120));
      link.href = `?${new URLSearchParams({ q: question })}`;
      item.append(link);
      return item;
    }),
  );
  recent.querySelector("button").addEventListener("click", () => {
    keep("asked", []);
    recent.hidden = true;
    box.focus();
  });
}

// The answer while one types.

let timer, running, shown;

function grow() {
  box.style.setProperty("height", "auto");
  box.style.setProperty("height", `${box.scrollHeight}px`);
}

function addressOf(question) {
  const old = new URLSearchParams(location.search);
  const parameters = new URLSearchParams();
  if (question.trim()) parameters.set("q", question);
  // What narrows stays; what was left out of another question does not.
  for (const name of ["tag", "lang", "folder"]) if (old.get(name)) parameters.set(name, old.get(name));
  const text = parameters.toString();
  return text ? `?${text}` : location.pathname;
}

async function show(address, settled) {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const search = new URL(address, location.href).search;
  try {
    const response = await fetch(new URL(`found${search}`, form.action), { signal });
    const text = await response.text();
    if (!response.ok) throw new Error(response.status);
    // Same words, same rules: it was made safe where the page is made.
    const part = new DOMParser().parseFromString(text, "text/html");
    found.replaceChildren(...part.body.childNodes);
  } catch (error) {
    if (error.name === "AbortError") return;
    found.replaceChildren(make("p", "verdict", words.failed));
    say(words.failed);
    return;
  }
  shown = search;
  // As the page looks where it is loaded with a question: what was found stands high.
  form.parentElement.classList.toggle("home", !search);
  document.querySelector("h1").classList.toggle("hidden", Boolean(search));
  const question = new URLSearchParams(search).get("q");
  document.title = question ? `${question.slice(0, 60)} · ${words.title}` : words.title;
  equip(found);
  say(found.querySelector("[data-told]")?.dataset.told ?? "");
  const old = history.state?.typing ? "replaceState" : "pushState";
  if (settled !== "back") history[search === location.search ? "replaceState" : old]({ typing: !settled }, "", address);
}

if (box && found) {
  shown = location.search;
  box.addEventListener("input", () => {
    grow();
    clearTimeout(timer);
    timer = setTimeout(() => show(addressOf(box.value), false), DEBOUNCE);
  });
  form.addEventListener("submit", (event) => {
    // A label that is taken out, a draft: these go their own way.
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    remember(box.value);
    const without = event.submitter?.name === "without" ? event.submitter.value : "";
    const address = addressOf(box.value);
    show(without ? `${address}&${new URLSearchParams({ without })}` : address, true);
  });
  found.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link) return;
    remember(box.value);
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const url = new URL(link.href);
    // A filter, another page, a question to try: the page stays.
    if (url.origin !== location.origin || url.pathname !== new URL(form.action).pathname) return;
    event.preventDefault();
    box.value = url.searchParams.get("q") ?? "";
    grow();
    show(url.search, true);
    if (link.closest(".teach, .suggestion")) box.focus();
  });
  addEventListener("popstate", () => {
    if (location.search === shown) return;
    box.value = new URLSearchParams(location.search).get("q") ?? "";
    grow();
    show(location.search || location.pathname, "back");
  });
}

// Keys.

const targets = () => [...(found?.querySelectorAll(".answer h2 a, .posts h3 a, .teach a") ?? [])];
const hints = document.querySelector("#keys");

if (hints) {
  const toggle = hints.querySelector("button");
  const tell = () => {
    const off = read("keys", "on") === "off";
    toggle.textContent = off ? toggle.dataset.on : toggle.dataset.off;
    hints.classList.toggle("off", off);
  };
  toggle.addEventListener("click", () => {
    keep("keys", read("keys", "on") === "off" ? "on" : "off");
    tell();
  });
  hints.hidden = false;
  tell();
}

box?.addEventListener("keydown", (event) => {
  if (composing(event)) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    form.requestSubmit();
  } else if (read("keys", "on") === "on") {
    const last = !box.value.includes("\n", box.selectionEnd);
    if (event.key === "ArrowDown" && last && targets().length) {
      event.preventDefault();
      targets()[0].focus();
    } else if (event.key === "Escape" && box.value && found) {
      event.preventDefault();
      box.value = "";
      grow();
      show(addressOf(""), true);
    }
  }
});

document.addEventListener("keydown", (event) => {
  if (!box || event.defaultPrevented || read("keys", "on") === "off" || composing(event)) return;
  const at = targets().indexOf(document.activeElement);
  if (at >= 0 && ["ArrowDown", "ArrowUp", "Escape"].includes(event.key)) {
    event.preventDefault();
    const next = event.key === "Escape" ? -1 : at + (event.key === "ArrowDown" ? 1 : -1);
    (next < 0 ? box : (targets()[next] ?? document.activeElement)).focus();
    return;
  }
  const combined = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k";
  const elsewhere = event.target.closest?.("input, textarea, select, [contenteditable], fixdex-chat");
  const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (elsewhere || !(combined || slash)) return;
  event.preventDefault();
  box.focus();
  box.select();
});

equip(document);
if (box) grow();
