// The same neuron as text, its circuit in ngspice, and the networks of a run folder.

const OFFLINE = "No program stands behind this page: `excitable shape` opens the studio with ngspice and networks.";

class Texts {
  constructor(studio, parent) {
    this.studio = studio;
    this.tabs = new Tabs(parent, "forms of this neuron");
    this.blocks = {};
    for (const name of ["Python", "TOML", "LaTeX", "SPICE"]) {
      const { panel } = this.tabs.add(name, () => this.update());
      this.blocks[name.toLowerCase()] = this.block(panel, name);
    }
    this.schematic = this.tabs.add("Schematic", () => this.update()).panel;
    this.schematicBox = element("div", { class: "schematic" }, this.schematic);
    this.network = this.tabs.add("Network", () => this.openNetwork()).panel;
    this.network.classList.add("network");
    if (!studio.options.server) element("p", { text: OFFLINE }, this.network);
  }

  block(panel, name) {
    const pre = element("pre", { tabindex: 0 });
    button(panel, `Copy ${name}`, "", async () => {
      try { await navigator.clipboard.writeText(pre.textContent); } catch (error) { this.studio.tell("The browser does not allow the clipboard here."); }
    });
    panel.append(pre);
    return pre;
  }

  structureChanged() { this.fromPython = null; }

  async update() {
    const { studio } = this;
    if (!studio.state) return;
    this.lines ??= await unpacked(LINES);
    const texts = filledTexts(studio.state, this.lines);
    for (const [name, block] of Object.entries(this.blocks)) studio.write(block, texts[name]);
    if (!studio.options.server) { this.showDrawnBefore(); return; }
    const asked = (this.asked = encoded(studio.state));
    const answer = await ask(studio, "describe", question(studio.state));
    if (asked !== this.asked || studio.closed) return;
    if (answer.error) {
      studio.write(this.blocks.spice, answer.error);
      return;
    }
    for (const [name, block] of Object.entries(this.blocks)) if (answer[name]) studio.write(block, answer[name]);
    this.showSchematic(answer);
  }

  showSchematic(answer) {
    this.schematicBox.replaceChildren();
    if (!answer.schematic) { element("p", { text: answer.schematic_problem }, this.schematicBox); return; }
    const image = element("img", { alt: "schematic of this neuron's circuit" }, this.schematicBox);
    image.src = `data:image/svg+xml;base64,${answer.schematic}`;
    table(this.schematicBox, ["part", "what", "value", "meaning"], biases(this.studio.state));
  }

  // Without a program: pictures that came with the page name the parts, the table has their values.
  async showDrawnBefore() {
    if (this.tabs.open.panel !== this.schematic) return;
    this.drawn ??= await unpacked(SCHEMATICS);
    const svg = this.drawn[this.studio.state.model];
    const bytes = svg && String.fromCharCode(...new TextEncoder().encode(svg));
    this.showSchematic(svg ? { schematic: btoa(bytes) } : { schematic_problem: "This neuron has no circuit; the SPICE tab says why." });
  }

  async openNetwork() {
    const { studio } = this;
    if (!studio.options.server || this.networkShown) return;
    this.networkShown = true;
    element("p", { text: "The run is being read …" }, this.network);
    const answer = await ask(studio, "network", {});
    this.network.replaceChildren();
    if (answer.error) { element("p", { text: answer.error }, this.network); return; }
    showNetwork(studio, this.network, answer);
  }
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}

// What is set in the circuit: each element's bias current and reference voltage, each time constant's capacitor.
function biases({ model, p, units: { v0, i0, c0 } }) {
  return MODELS[model].parameters.flatMap(({ name, unit, meaning, group }, index) => {
    if (group === "elements") return [[label(name), ...(unit === "V0" ? ["reference", engineering(p[index] * v0, "V")] : ["bias", engineering(p[index] * i0, "A")]), meaning]];
    return unit === "tau_m" ? [[label(name), "capacitor", engineering(p[index] * c0, "F"), meaning]] : [];
  });
}

function table(parent, head, rows) {
  const box = element("div", { class: "scroll" }, parent);
  const made = element("table", {}, box);
  const top = element("tr", {}, element("thead", {}, made));
  for (const text of head) element("th", { text, scope: "col" }, top);
  const body = element("tbody", {}, made);
  for (const row of rows) {
    const line = element("tr", {}, body);
    for (const text of row) element("td", { text: String(text) }, line);
  }
  return body;
}

function filledTexts(state, lines) {
  const changes = heldInput(state.stimulus, state.duration);
  const model = MODELS[state.model];
  const tuple = (values) => `(${values.join(", ")}${values.length === 1 ? "," : ""})`;
  const values = {
    times: tuple(changes.map(([time]) => time)), values: tuple(changes.map(([, value]) => value)),
    start: tuple(state.start), duration: state.duration, current: state.stimulus.current,
    v0: state.units.v0, i0: state.units.i0, c0: state.units.c0,
  };
  model.parameters.forEach((parameter, index) => { values[parameter.name] = state.p[index]; });
  const fill = (template) => template.replace(/\{\{(\w+)\}\}/g, (_, name) => String(values[name]));
  return Object.fromEntries(Object.entries(TEMPLATES[state.model]).map(([name, template]) => [name, fill(template.map((line) => lines[line]).join("\n"))]));
}

function question(state) {
  const changes = heldInput(state.stimulus, state.duration);
  const model = MODELS[state.model];
  return {
    neuron: state.model,
    values: Object.fromEntries(model.parameters.map((parameter, index) => [parameter.name, state.p[index]])),
    times: changes.map(([time]) => time), currents: changes.map(([, value]) => value),
    start: state.start, duration: state.duration, ...state.units,
  };
}

async function ask(studio, what, body) {
  try {
    const answer = await fetch(what, {
      method: "POST", headers: { "Content-Type": "application/json", "X-Excitable-Token": studio.options.server.token }, body: JSON.stringify(body),
    });
    return await answer.json();
  } catch (error) {
    return { error: "The studio's program gave no answer: it has ended, or its terminal says why. `excitable shape` opens a new one." };
  }
}

function buildCircuitButton(studio, parent) {
  if (!studio.options.server) { element("p", { text: OFFLINE }, parent); return; }
  const note = studio.circuitNote;
  const run = async () => {
    const asked = encoded(studio.state);
    note.textContent = "ngspice runs …";
    const begun = performance.now();
    const answer = await ask(studio, "simulate", question(studio.state));
    if (studio.closed || asked !== encoded(studio.state)) return; // a newer state stands there, without a note
    if (answer.error) { note.textContent = answer.error; return; }
    studio.circuit = answer;
    note.textContent = `${answer.words} (${((performance.now() - begun) / 1000).toFixed(2)} s)`;
    studio.changed(false);
  };
  button(parent, "Run ngspice", "simulate this neuron's behavioural netlist and lay it over the trace", run);
  const follow = element("label", { class: "follow" }, parent);
  const box = element("input", { type: "checkbox" }, follow);
  element("span", { text: "after every change" }, follow);
  box.addEventListener("change", () => { studio.followCircuit = box.checked ? run : null; if (box.checked) run(); });
  button(parent, "Name the regime", "settles the neuron, watches it, tries pulses: seconds", async () => {
    const asked = encoded(studio.state);
    note.textContent = "the neuron is settled and watched …";
    const answer = await ask(studio, "regime", question(studio.state));
    if (studio.closed || asked !== encoded(studio.state)) return;
    note.textContent = answer.error || `${answer.regime}: ${answer.reason}`;
  });
  parent.append(note);
}

function mount(root, options) {
  return new Studio(root, options);
}

// The anywidget protocol: the widget's trait `address` holds the state, as the address line of the page does.
function render({ model, el }) {
  const root = element("div", {}, el);
  const studio = mount(root, {
    saved: model.get("address"),
    save: (text) => { model.set("address", text); model.save_changes(); },
  });
  return () => studio.close();
}

export default { render };
