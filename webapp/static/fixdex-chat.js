// <fixdex-chat>: the button. What it opens is fetched when it is opened.
const place = new URL(".", import.meta.url);

const words = {
  en: ["Ask about an error", "That did not load. Try again"],
  zh: ["问报错", "没有加载出来，再试一次"],
  "zh-Hant": ["詢問錯誤訊息", "未能載入，請再試一次"],
};

export function languageOf(element) {
  const wanted = (element.getAttribute("lang") || document.documentElement.lang || navigator.language || "en").toLowerCase();
  if (!wanted.startsWith("zh")) return "en";
  return /hant|tw|hk|mo/.test(wanted) ? "zh-Hant" : "zh";
}

const look = `
:host {
  --fixdex-accent: light-dark(#0b6e58, #5fd0b0); --fixdex-on-accent: light-dark(#fff, #06261e);
  --fixdex-font: system-ui, -apple-system, "PingFang SC", "PingFang TC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
}
:host([inline]) { display: block; }
.open {
  all: initial; color-scheme: var(--fixdex-color-scheme, light dark); box-sizing: border-box; direction: ltr;
  position: fixed; bottom: max(16px, env(safe-area-inset-bottom)); right: 16px; z-index: 2147483000;
  border: 0; border-radius: 99px; padding: 11px 18px; cursor: pointer;
  background: var(--fixdex-accent); color: var(--fixdex-on-accent);
  font: 600 15px/1.3 var(--fixdex-font);
  box-shadow: 0 2px 6px rgb(0 0 0 / .2), 0 8px 24px rgb(0 0 0 / .16);
}
:host([position="left"]) .open { right: auto; left: 16px; }
:host([inline]) .open { position: static; }
.open[hidden] { display: none; }
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
    const inline = this.hasAttribute("inline");
    const [ask, again] = words[languageOf(this)];
    const button = document.createElement("button");
    button.type = "button";
    button.className = "open";
    button.hidden = inline;
    if (!inline) button.setAttribute("aria-haspopup", "dialog");
    button.textContent = this.getAttribute("label") || ask;
    const open = async () => {
      try {
        await this.open();
        button.hidden = inline;
        button.textContent = this.getAttribute("label") || ask;
      } catch {
        button.hidden = false;
        button.textContent = again;
      }
    };
    button.addEventListener("click", open);
    root.append(button);
    if (inline) open();
  }

  get server() {
    const url = new URL(this.getAttribute("server") || new URL("..", place), location.href);
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return url;
  }

  // What could not be fetched is tried again by the next click.
  async open() {
    this.panel ??= import(new URL("fixdex-chat-panel.js", place)).then(({ openPanel }) => openPanel(this));
    try {
      (await this.panel).show();
    } catch (error) {
      this.panel = undefined;
      throw error;
    }
  }
}

if (!customElements.get("fixdex-chat")) {
  customElements.define("fixdex-chat", FixdexChat);
  // One script tag is enough: a page that has no element gets one.
  const add = () => document.querySelector("fixdex-chat") || document.body.append(document.createElement("fixdex-chat"));
  if (document.body) add();
  else document.addEventListener("DOMContentLoaded", add);
}
