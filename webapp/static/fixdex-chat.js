// <fixdex-chat>: the button. What it opens is fetched when it is opened.
const place = new URL(".", import.meta.url);

const words = {
  en: "Ask about an error",
  zh: "问报错",
  "zh-Hant": "詢問錯誤訊息",
};

export function languageOf(element) {
  const wanted = (element.getAttribute("lang") || document.documentElement.lang || navigator.language || "en").toLowerCase();
  if (!wanted.startsWith("zh")) return "en";
  return /hant|tw|hk|mo/.test(wanted) ? "zh-Hant" : "zh";
}

const look = `
:host { --fixdex-accent: #0b6e58; --fixdex-on-accent: #fff; color-scheme: light dark; }
:host([inline]) { display: block; }
.open {
  position: fixed; bottom: max(1rem, env(safe-area-inset-bottom)); right: 1rem; z-index: 2147483000;
  border: 0; border-radius: 99px; padding: .7rem 1.15rem; cursor: pointer;
  background: var(--fixdex-accent); color: var(--fixdex-on-accent);
  font: 600 15px/1.3 system-ui, -apple-system, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  box-shadow: 0 2px 6px rgb(0 0 0 / .2), 0 8px 24px rgb(0 0 0 / .16);
}
:host([position="left"]) .open { right: auto; left: 1rem; }
.open:focus-visible { outline: 3px solid var(--fixdex-accent); outline-offset: 3px; }
`;

export function styled(root, css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}

class FixdexChat extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    const root = this.attachShadow({ mode: "open" });
    styled(root, look);
    if (this.hasAttribute("inline")) {
      this.open();
      return;
    }
    const button = document.createElement("button");
    button.type = "button";
    button.className = "open";
    button.setAttribute("aria-haspopup", "dialog");
    button.textContent = this.getAttribute("label") || words[languageOf(this)];
    button.addEventListener("click", () => this.open());
    root.append(button);
  }

  get server() {
    return new URL(this.getAttribute("server") || new URL("..", place), location.href);
  }

  async open() {
    const { openPanel } = await import(new URL("fixdex-chat-panel.js", place));
    this.panel ??= openPanel(this);
    // What could not be fetched is tried again by the next click.
    this.panel.catch(() => delete this.panel);
    (await this.panel).show();
  }
}

if (!customElements.get("fixdex-chat")) {
  customElements.define("fixdex-chat", FixdexChat);
  // One script tag is enough: a page that has no element gets one.
  const add = () => document.querySelector("fixdex-chat") || document.body.append(document.createElement("fixdex-chat"));
  if (document.body) add();
  else document.addEventListener("DOMContentLoaded", add);
}
