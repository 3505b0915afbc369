// The studio: one state, everything drawn from it, one frame at a time.

const ROLES = ["paper", "ink", "muted", "grid", "model", "circuit", "fast", "slow", "ultraslow", "fault", "equation"];
const SETTLE = 250; // ms without a change, after which texts, the address and the sweep follow

class Studio {
  constructor(root, options = {}) {
    this.root = root;
    this.options = options; // { server: { token }, address: true, saved: text, save: function }
    this.said = new WeakMap();
    this.sweeper = new Sweeper((data) => { this.swept = data; this.changed(false); });
    root.classList.add("excitable-studio");
    element("style", { text: STYLE }, root); // here and not in the page's head: a notebook's shadow tree sees no other
    const wanted = options.saved || (options.address ? location.hash.slice(1) : "");
    this.build();
    this.open(stateOf(EXAMPLES[0]));
    this.undo = new Undo(encoded(this.state));
    if (wanted) this.openLink(wanted);
    this.first = encoded(this.state);
    this.undo = new Undo(this.first);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.listeners = [
      [this.dark, "change", () => { this.colours = null; this.changed(false); if (this.perturbed) this.perturbed.draw(); }],
    ];
    if (options.address) this.listeners.push([window, "hashchange", () => this.followAddress()]);
    for (const [target, name, listener] of this.listeners) target.addEventListener(name, listener);
    // a notebook lays its output out after it was made
    this.observer = new ResizeObserver(() => { this.fit(); this.changed(false); });
    this.observer.observe(this.stage);
    this.changed();
    this.settle();
  }

  close() {
    this.observer.disconnect();
    for (const [target, name, listener] of this.listeners) target.removeEventListener(name, listener);
    this.sweeper.close();
    this.running = false;
    clearTimeout(this.timer);
    this.closed = true;
  }

  build() {
    const bar = element("header", {}, this.root);
    element("h1", { text: "excitable studio" }, bar);
    this.picker = select(bar, "open", [["-1", "own values"], ...EXAMPLES.map(({ name }, index) => [String(index), name])], "0", (index) => {
      this.open(stateOf(EXAMPLES[Number(index)]));
      this.commit();
    });
    this.picker.options[0].hidden = true; // shown, never chosen
    const tools = element("div", { class: "tools" }, bar);
    button(tools, "Undo", "take the last change back (Ctrl+Z)", () => this.travel(this.undo.back()));
    button(tools, "Redo", "make it again (Ctrl+Y)", () => this.travel(this.undo.forth()));
    button(tools, "Reset", "as it was when opened", () => { this.openLink(this.home_link); this.commit(); });
    this.runButton = button(tools, "Run", "let time go on while you change things", () => this.toggleRun());
    button(tools, "Kick", "while running: a short push of the input", () => { this.kick = 1; if (!this.running) this.toggleRun(); });
    if (this.options.address) button(tools, "Copy link", "an address that opens exactly this", () => this.copyLink());
    this.message = element("p", { class: "message", role: "status", hidden: "" }, this.root);
    this.root.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.target.matches("input[type=text], textarea")) return;
      const travel = { z: () => this.undo.back(), y: () => this.undo.forth() }[event.key.toLowerCase()];
      if (travel) { event.preventDefault(); this.travel(travel()); }
    });
    const main = element("div", { class: "main" }, this.root);
    this.side = element("section", { class: "side", "aria-label": "parameters" }, main);
    this.stage = element("section", { class: "stage", "aria-label": "plots" }, main);
    this.verdict = element("div", { class: "verdict", role: "status" }, this.stage);
    this.verdictName = element("strong", {}, this.verdict);
    this.verdictWhy = element("span", {}, this.verdict);
    this.curveRow = element("div", { class: "row curves" }, this.stage);
    this.traceRow = element("div", { class: "row wide" }, this.stage);
    this.circuitRow = element("div", { class: "circuit" }, this.stage);
    this.phaseRow = element("div", { class: "row" }, this.stage);
    this.circuitNote = element("span", { role: "status" });
    this.texts = new Texts(this, element("section", { class: "texts", "aria-label": "the same neuron in other forms" }, this.root));
    buildCircuitButton(this, this.circuitRow);
  }

  // Shows a state; the view is built anew where the structure is another one.
  open(state) {
    const other = !this.state || this.state.model !== state.model;
    this.state = state;
    this.home_link = encoded(state);
    this.model = MODELS[state.model];
    this.circuit = null;
    this.swept = null;
    this.running = false;
    if (other) this.rebuild();
    this.changed();
  }

  openLink(text) {
    try {
      this.open(decoded(text));
      this.tell("");
      return true;
    } catch (error) {
      this.tell(`The link was ignored: ${error.message}. Nothing of it was used.`);
      return false;
    }
  }

  travel(text) {
    if (text === null) return;
    const home = this.home_link;
    this.openLink(text);
    this.home_link = home.startsWith(`neuron=${this.state.model}&`) ? home : this.home_link;
    this.settle();
  }

  followAddress() {
    const wanted = location.hash.slice(1);
    if (!wanted || wanted === encoded(this.state)) return;
    if (this.openLink(wanted)) this.commit();
    this.settle(); // the address is that of the shown state again, whatever it was
  }

  rebuild() {
    const { model } = this;
    for (const place of [this.side, this.curveRow, this.traceRow, this.phaseRow]) place.replaceChildren();
    this.views = model.timescales.map((timescale) => new CurveView(this, this.curveRow, timescale));
    this.views.push(new TraceView(this, this.traceRow), new PhaseView(this, this.phaseRow), new BifurcationView(this, this.phaseRow));
    this.sliders = [];
    buildSide(this, this.side);
    this.texts.structureChanged();
    this.fit();
  }

  fit() {
    for (const view of this.views) for (const plot of [view.plot, view.raster, view.input]) if (plot) plot.fit();
    if (this.perturbed) {
      for (const plot of [this.perturbed.own, this.perturbed.readout]) plot.fit();
      this.perturbed.draw();
    }
  }

  current() {
    const { shape, current, points } = this.state.stimulus;
    return shape === "drawn" ? points[points.length - 1] : current;
  }

  // Sets one parameter; what is not allowed goes to the nearest that is. Returns what a constraint says against it.
  set(index, value) {
    if (!Number.isFinite(value)) return "not a number";
    const parameter = this.model.parameters[index];
    let wanted = value;
    if (!allowed(parameter, wanted)) {
      const inset = 1e-3 * (parameter.high - parameter.low);
      if (parameter.lower !== null) wanted = Math.max(wanted, parameter.lower + (parameter.open[0] ? inset : 0));
      if (parameter.upper !== null) wanted = Math.min(wanted, parameter.upper - (parameter.open[1] ? inset : 0));
    }
    const before = this.state.p[index];
    this.state.p[index] = Number(wanted.toPrecision(6));
    const broken = brokenConstraint(this.model, this.state.p);
    if (broken) { this.state.p[index] = before; return broken; }
    this.changed();
    return null;
  }

  setStimulus(name, value) {
    this.state.stimulus[name] = value;
    this.changed();
  }

  changed(different = true) {
    if (different) { this.circuit = null; this.circuitNote.textContent = ""; clearTimeout(this.timer); this.timer = setTimeout(() => this.settle(), SETTLE); }
    if (this.asked || this.closed) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; if (!this.closed) this.render(); });
  }

  // Ends a change: what was said before is about another state.
  commit() {
    if (!this.undo || !this.undo.keep(encoded(this.state))) return;
    this.tell("");
  }

  // What is too slow for every frame: the address, texts, the sweep of the bifurcation diagram.
  settle() {
    clearTimeout(this.timer);
    const text = encoded(this.state);
    if (this.options.address) history.replaceState(null, "", `#${text}`);
    if (this.options.save) this.options.save(text);
    this.texts.update();
    this.askSweep();
    if (this.followCircuit) this.followCircuit();
  }

  askSweep() {
    const { model, state } = this;
    const [low, high] = this.views[this.views.length - 1].bounds();
    const currents = Array.from({ length: SWEPT }, (_, k) => low + ((high - low) * k) / (SWEPT - 1));
    this.sweeper.ask({
      key: state.model, constants: Array.from(model.constants(state.p, model.dt)), start: state.start,
      scale: model.charge(state.p, model.dt), currents, steps: Math.min(10000, stepsOf(model, state.duration)),
      states: model.states.length, map: model.map,
    });
  }

  analyse() {
    const { model, state } = this;
    this.range = model.map ? [-3, 5] : voltageRange(model, state.p);
    const [low, high] = this.range;
    const current = this.current();
    this.equilibria = equilibriaAt(model, current, state.p, low, high);
    const resting = this.equilibria.find(({ stable }) => stable) || this.equilibria[0];
    this.rest = resting ? resting.v : 0;
    this.shapes = {};
    for (const timescale of model.timescales) {
      const parts = fallingParts(model, timescale, this.rest, state.p, low, high);
      this.shapes[timescale] = { parts, ...shapeOf(parts, low, high) };
    }
    this.level = model.event ? null : spikeLevel(this.shapes);
  }

  render() {
    const begun = performance.now();
    if (!this.colours) this.readColours();
    this.analyse();
    this.run = this.running ? this.goOn() : simulate(this.model, this.state);
    this.spikes = spikesOf(this.model, this.run, this.level);
    for (const view of this.views) view.draw(this.colours);
    this.showVerdict();
    this.showValues();
    if (this.perturbed) this.perturbed.follow();
    this.milliseconds = performance.now() - begun;
    this.root.dispatchEvent(new CustomEvent("rendered", { detail: this.milliseconds }));
    if (this.running) this.changed(false);
  }

  // Live: the window moves on by a little in every frame, from where the neuron stands.
  goOn() {
    const { model, state } = this;
    const { input, out } = buffersOf(model, stepsOf(model, state.duration));
    const steps = input.length;
    const dt = stepOf(model, state.duration);
    const scale = model.charge(state.p, dt);
    const more = Math.max(1, Math.round(steps / 300));
    for (const array of [...out, input]) array.copyWithin(0, more);
    input.fill((this.current() + (this.kick || 0)) * scale, steps - more);
    this.kick = this.kick > 0.02 ? this.kick - 0.25 : 0;
    model.trace(model.constants(state.p, dt), this.moving, input.subarray(steps - more), out.map((each) => each.subarray(steps - more)));
    return { steps, out, input, scale, last: this.moving, dt };
  }

  toggleRun() {
    this.running = !this.running;
    this.runButton.textContent = this.running ? "Pause" : "Run";
    if (this.running) this.moving = Float64Array.from(this.run ? this.run.last : this.state.start);
    this.changed(false);
  }

  readColours() {
    const style = getComputedStyle(this.root);
    this.colours = Object.fromEntries(ROLES.map((role) => [role, style.getPropertyValue(`--${role}`).trim()]));
  }

  showVerdict() {
    const { model, state } = this;
    if (tooCoarse(model, state, this.run, this.spikes)) {
      this.write(this.verdictName, "not resolved");
      this.write(this.verdictWhy, `: steps of ${short(this.run.dt)} tau_m are too long for these values, so the trace is not the neuron's. A shorter window takes shorter steps; or lower a gain, or lengthen a time constant.`);
      return;
    }
    if (!Number.isFinite(this.run.out[0][this.run.steps - 1])) {
      this.write(this.verdictName, "the voltage runs away");
      this.write(this.verdictWhy, ": it leaves every bound in this window. Lower a gain or the input.");
      return;
    }
    const onset = this.running || state.stimulus.shape === "constant" ? 0 : state.stimulus.onset;
    const seen = observed(this.spikes, this.run.steps * this.run.dt, onset, model.map ? "steps" : "tau_m");
    const rule = publishedRule(this.shapes);
    const described = Object.entries(this.shapes).map(([timescale, shape]) => {
      const where = shape.regions.map(({ lower, upper }) => `${lower.toFixed(2)} to ${upper.toFixed(2)}`).join(" and ");
      return `the ${TIMESCALE_NAMES[timescale]} curve is ${shape.name}${where ? `, falling from ${where} V0` : ""}`;
    });
    const reasons = model.map ? "" : ` By its curves: ${described.join("; ")}. ${rule ? `Rule ${rule.number}: this makes ${rule.behaviour}.` : "No published rule speaks of these shapes."}${model.event ? " The neuron's own event makes the spike." : ""}`;
    this.write(this.verdictName, seen.name);
    this.write(this.verdictWhy, `: ${seen.why}.${reasons}`);
  }

  showValues() {
    for (const slider of this.sliders) slider.refresh();
    const open = EXAMPLES.findIndex((example) => example.model === this.state.model && example.values.every((value, index) => value === this.state.p[index]));
    if (this.shownExample !== open && document.activeElement !== this.picker) { this.picker.value = String(open); this.shownExample = open; }
  }

  write(place, text) {
    if (place.textContent !== text) place.textContent = text;
  }

  say(place, text) {
    if (this.said.get(place) === text) return;
    this.said.set(place, text);
    place.setAttribute("aria-label", text);
    place.title = text;
  }

  tell(text) {
    if (this.message.textContent === text) return;
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  async copyLink() {
    this.settle();
    try {
      await navigator.clipboard.writeText(location.href);
      this.tell("The link is in the clipboard.");
    } catch (error) {
      this.tell("The browser does not allow the clipboard here; the address line holds the link.");
    }
  }
}

function buildSide(studio, side) {
  const { model, state } = studio;
  element("p", { class: "meaning", text: `${model.title}: ${model.meaning}. ${model.source}` }, side);
  const done = () => studio.commit();
  const groups = [["elements", model.map ? "parameters" : "elements", true], ["times", "time constants", true], ["others", "membrane and output", model.elements.length === 0]];
  for (const [group, title, open] of groups) {
    const members = model.parameters.map((parameter, index) => [parameter, index]).filter(([parameter]) => parameter.group === group);
    if (!members.length) continue;
    const box = element("details", open ? { open: "" } : {}, side);
    element("summary", { text: title }, box);
    for (const [parameter, index] of members) addSlider(studio, box, {
      ...parameter, name: label(parameter.name), title: `${parameter.meaning}; ${parameter.bounds}`,
      allows: (value) => allowed(parameter, value), read: () => studio.state.p[index], input: (value) => studio.set(index, value), done,
    });
  }
  buildStimulus(studio, side, done);
  const scale = element("details", {}, side);
  element("summary", { text: "circuit units" }, scale);
  for (const [name, unit, meaning, low, high] of [["v0", "V", "one voltage unit", 0.02, 0.5], ["i0", "A", "one current unit", 1e-12, 1e-6], ["c0", "F", "capacitance of a membrane with τm = R = 1", 1e-14, 1e-9]])
    addSlider(studio, scale, {
      name: { v0: "V0", i0: "I0", c0: "C" }[name], title: meaning, low, high, logarithmic: true, bounds: "(0, inf)", unit,
      allows: (value) => value > 0, read: () => studio.state.units[name], note: (value) => engineering(value, unit),
      input: (value) => { studio.state.units[name] = value; studio.changed(); }, done,
    });
}

function addSlider(studio, parent, settings) {
  const slider = new Slider(parent, settings);
  const note = settings.note || ((value) => inUnits(value, settings.unit, studio.state.units));
  slider.refresh = () => {
    const value = settings.read();
    const key = `${value} ${Object.values(studio.state.units).join(" ")}`;
    if (slider.key === key) return;
    slider.key = key;
    slider.refuse(null);
    slider.show(value, note(value));
  };
  studio.sliders.push(slider);
  return slider;
}

function buildStimulus(studio, side, done) {
  const box = element("details", { open: "" }, side);
  const { model } = studio;
  element("summary", { text: model.charges ? "input (synaptic current held by arriving charges)" : "input" }, box);
  const rows = {};
  let shownShape = null;
  const show = () => {
    const { shape } = studio.state.stimulus;
    const used = { constant: ["current"], step: ["current", "before", "onset"], pulse: ["current", "onset", "amplitude", "width"], ramp: ["current", "before", "onset"], drawn: ["drawn"] }[shape];
    for (const [name, row] of Object.entries(rows)) row.hidden = !used.includes(name);
  };
  const choice = select(box, "shape", SHAPES.map((shape) => [shape, shape]), studio.state.stimulus.shape, (shape) => {
    studio.setStimulus("shape", shape);
    const { stimulus, duration } = studio.state;
    if (shape !== "constant" && stimulus.onset === 0) stimulus.onset = duration / 4;
    if (shape === "pulse" && stimulus.width === 0) [stimulus.width, stimulus.amplitude] = [duration / 100, 1];
    show();
    done();
    if (shape === "drawn") studio.tell(`Draw on the input plot with the pointer, or type ${DRAWN} numbers.`);
  });
  const time = model.map ? "1" : "tau_m";
  const long = model.duration * 6;
  const entries = [
    ["current", "I", "input, held", -5, 5, "I0"], ["before", "before", "input before", -5, 5, "I0"],
    ["amplitude", "pulse", "added to the input", -5, 5, "I0"], ["onset", "at", "when it begins", 0, long, time],
    ["width", "for", "how long the pulse lasts", 0, long / 10, time],
  ];
  for (const [name, shown, meaning, low, high, unit] of entries)
    rows[name] = addSlider(studio, box, {
      name: shown, title: meaning, low, high, logarithmic: false, bounds: low === 0 ? "[0, inf)" : "(-inf, inf)", unit: model.charges && unit === "I0" ? "1" : unit,
      allows: (value) => low < 0 || value >= 0, read: () => studio.state.stimulus[name], input: (value) => studio.setStimulus(name, value), done,
    }).row;
  rows.drawn = element("label", { class: "drawn" }, box);
  element("span", { text: `drawn: ${DRAWN} numbers` }, rows.drawn);
  const area = element("textarea", { rows: 3, spellcheck: "false" }, rows.drawn);
  area.addEventListener("change", () => {
    const given = area.value.trim().split(/[\s,]+/).filter(Boolean);
    const odd = given.find((text) => !(Math.abs(Number(text)) <= LARGEST));
    if (given.length !== DRAWN || odd !== undefined) {
      studio.tell(odd === undefined ? `A drawn input is ${DRAWN} numbers; ${given.length} were given.` : `“${odd.slice(0, 20)}” is not a number that fits; a drawn input is ${DRAWN} numbers.`);
      area.value = studio.state.stimulus.points.join(" ");
      return;
    }
    studio.setStimulus("points", given.map(Number));
    done();
  });
  const { shortest, longest } = windowOf(model);
  addSlider(studio, box, {
    name: "window", title: "how much is shown", low: model.duration / 50, high: long, logarithmic: true, bounds: `[${short(shortest)}, ${short(longest)}]`, unit: time,
    allows: (value) => value >= shortest && value <= longest, read: () => studio.state.duration, input: (value) => { studio.state.duration = value; studio.changed(); }, done,
  });
  studio.sliders.push({ refresh: () => {
    const { shape, points } = studio.state.stimulus;
    if (choice.value !== shape) choice.value = shape;
    if (shownShape !== shape) { show(); shownShape = shape; }
    if (shape === "drawn" && area.getRootNode().activeElement !== area) { const text = points.join(" "); if (area.value !== text) area.value = text; }
  } });
  show();
}
