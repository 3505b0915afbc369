// Sliders with number fields, and the choices above them.

const GREEK = { alpha: "α", delta: "δ", tau: "τ", theta: "θ", mu: "μ", sigma: "σ" };

function label(name) {
  const parts = name.split("_");
  const sign = { plus: "+", minus: "−" }[parts[parts.length - 1]];
  const rest = (sign ? parts.slice(1, -1) : parts.slice(1)).join(" ");
  return `${GREEK[parts[0]] || parts[0]}${rest ? ` ${rest}` : ""}${sign || ""}`;
}

class Slider {
  constructor(parent, { name, title, low, high, logarithmic, unit, allows, bounds, input, done }) {
    this.settings = { low, high, logarithmic, allows, bounds };
    this.row = element("div", { class: "slider" }, parent);
    const id = newId();
    this.label = element("label", { for: id, text: name, title }, this.row);
    this.range = element("input", { type: "range", id, min: 0, max: 1000, step: "any" }, this.row);
    this.field = element("input", { type: "text", inputmode: "decimal", "aria-label": `${name}, value`, spellcheck: "false" }, this.row);
    this.unit = element("span", { class: "unit", text: unit === "1" ? "" : unit }, this.row);
    this.problem = element("p", { class: "problem", role: "status", hidden: "" }, this.row);
    this.range.addEventListener("input", () => {
      const broken = input(this.fromShare(Number(this.range.value) / 1000));
      this.refuse(broken || null);
      if (broken) this.show(this.value, undefined, true); // the thumb goes back with it
    });
    this.range.addEventListener("change", done);
    this.range.addEventListener("keydown", (event) => {
      const sign = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!sign) return;
      event.preventDefault();
      this.range.value = Number(this.range.value) + sign * (event.shiftKey ? 1 : 10);
      this.range.dispatchEvent(new Event("input"));
    });
    this.range.addEventListener("keyup", done);
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.refuse(null);
      this.field.value = this.field.dataset.shown;
    });
    this.field.addEventListener("change", () => {
      const text = this.field.value.trim();
      const value = text === "" ? NaN : Number(text.replace("−", "-"));
      const refused = !Number.isFinite(value) || Math.abs(value) > LARGEST
        ? `“${text.slice(0, 20)}” is not a number that fits` : allows(value) ? null : `${name} must lie in ${bounds}`;
      this.refuse(refused);
      if (refused) { this.show(this.value, undefined, true); return; }
      const broken = input(value);
      this.refuse(broken || null);
      this.show(broken ? this.value : value, undefined, true);
      done();
    });
  }

  refuse(message) {
    if (!message && this.problem.hidden) return;
    this.problem.hidden = !message;
    this.problem.textContent = message || "";
  }

  fromShare(share) {
    const { low, high, logarithmic } = this.settings;
    const value = logarithmic ? low * (high / low) ** share : low + (high - low) * share;
    return Number(value.toPrecision(4));
  }

  show(value, note = this.unit.textContent, anyway = false) {
    this.value = value;
    const { low, high, logarithmic } = this.settings;
    const share = logarithmic ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    this.range.value = 1000 * share;
    if (this.range.ariaValueText !== short(value)) this.range.ariaValueText = short(value);
    const text = String(Number(value.toPrecision(6)));
    const typing = this.field.getRootNode().activeElement === this.field && this.field.value !== this.field.dataset.shown;
    if (this.field.value !== text && (anyway || !typing)) this.field.value = text;
    this.field.dataset.shown = text;
    if (this.unit.textContent !== note) this.unit.textContent = note;
  }
}

// Unlike those of any other studio in the same notebook: labels and panels point to their own.
const STUDIO = Math.random().toString(36).slice(2);
let ids = 0;
function newId() { return `excitable-${STUDIO}-${ids++}`; }

function engineering(value, unit) {
  if (value === 0) return `0 ${unit}`;
  const power = Math.max(-18, Math.min(9, 3 * Math.floor(Math.log10(Math.abs(value)) / 3)));
  const prefix = { "-18": "a", "-15": "f", "-12": "p", "-9": "n", "-6": "µ", "-3": "m", 0: "", 3: "k", 6: "M", 9: "G" }[power];
  return `${Number((value / 10 ** power).toPrecision(3))} ${prefix}${unit}`;
}

// A number with its unit, and what it is in the circuit.
function inUnits(value, unit, { v0, i0, c0 }) {
  if (unit === "V0") return `× V0 = ${engineering(value * v0, "V")}`;
  if (unit === "tau_m") return `× τm = ${engineering((value * c0 * v0) / i0, "s")}`;
  if (unit === "I0") return `× I0 = ${engineering(value * i0, "A")}`;
  return unit === "1" ? "" : unit;
}

function select(parent, name, options, chosen, changed) {
  const box = element("label", { class: "choice" }, parent);
  element("span", { text: name }, box);
  const made = element("select", {}, box);
  for (const [value, text] of options) {
    const option = element("option", { value, text }, made);
    option.selected = value === chosen;
  }
  made.addEventListener("change", () => changed(made.value));
  return made;
}

// What the lines of a plot are: [name, colour's role, whether dashed], as a row under its caption.
function legend(plot, entries) {
  const made = element("span", { class: "legend" }, plot.caption);
  for (const [name, role, dashed] of entries) {
    const each = element("span", { class: dashed ? "dashed" : "", text: name }, made);
    each.style.setProperty("--colour", `var(--${role})`);
  }
  return made;
}

function button(parent, text, title, clicked) {
  const made = element("button", { type: "button", text, title }, parent);
  made.addEventListener("click", clicked);
  return made;
}

// Tabs by the pattern of the ARIA practices: arrow keys move, the panel follows.
class Tabs {
  constructor(parent, name) {
    this.list = element("div", { class: "tabs", role: "tablist", "aria-label": name }, parent);
    this.panels = element("div", { class: "panels" }, parent);
    this.all = [];
    this.list.addEventListener("keydown", (event) => {
      const count = this.all.length;
      const open = this.all.indexOf(this.open);
      const place = { ArrowRight: (open + 1) % count, ArrowLeft: (open + count - 1) % count, Home: 0, End: count - 1 }[event.key];
      if (place === undefined) return;
      event.preventDefault();
      this.show(this.all[place]);
      this.all[place].tab.focus();
    });
  }

  add(title, opened) {
    const id = newId();
    const tab = element("button", { type: "button", role: "tab", id, text: title, "aria-controls": `${id}-panel` }, this.list);
    const panel = element("div", { role: "tabpanel", id: `${id}-panel`, "aria-labelledby": id, tabindex: 0 }, this.panels);
    const made = { tab, panel, opened };
    tab.addEventListener("click", () => this.show(made));
    this.all.push(made);
    if (this.all.length === 1) this.show(made);
    else this.close(made);
    return made;
  }

  close({ tab, panel }) {
    tab.setAttribute("aria-selected", "false");
    tab.tabIndex = -1;
    panel.hidden = true;
  }

  show(chosen) {
    if (this.open) this.close(this.open);
    this.open = chosen;
    chosen.tab.setAttribute("aria-selected", "true");
    chosen.tab.tabIndex = 0;
    chosen.panel.hidden = false;
    if (chosen.opened) chosen.opened();
  }
}
