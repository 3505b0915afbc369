// A trained network of a run folder: neurons by their curves, one of them perturbed, waveforms, the error ladder.

function showNetwork(studio, parent, network) {
  element("p", { text: network.words }, parent);
  for (const problem of network.problems) element("p", { class: "message", text: problem }, parent);
  for (const layer of network.layers) {
    element("h3", { text: `layer ${layer.name}: ${layer.neurons.length} ${layer.neuron} neurons` }, parent);
    const rows = layer.neurons.map((neuron, index) => [index, byCurves(layer.model, neuron), ...layer.shown.map((name) => short(neuron.values[name])), neuron.input]);
    const body = table(parent, ["neuron", "by its curves", ...layer.shown.map(label), "bias"], rows);
    [...body.children].forEach((line, index) => {
      const cell = line.children[0];
      cell.textContent = "";
      button(cell, `perturb ${index}`, "shape this neuron and see what the network makes of it; the run stays as it is", () => {
        if (studio.perturbed) studio.perturbed.close();
        studio.perturbed = new Perturbed(studio, layer, index);
        studio.perturbed.reset();
        studio.root.scrollIntoView();
      });
    });
  }
  if (network.ladder.length) {
    element("h3", { text: "the error ladder" }, parent);
    table(parent, ["from", "to", "membranes, rms over all neurons", "spikes", "missing or extra"], network.ladder);
  }
  if (network.waveforms) showWaveforms(studio, parent, network.waveforms);
}

// One neuron of a trained layer, shaped with the studio's handles, and what the network makes of it on held-out data.
class Perturbed {
  constructor(studio, layer, index) {
    Object.assign(this, { studio, layer, index, neuron: layer.neurons[index] });
    this.box = element("section", { class: "perturbed", "aria-label": "the network around this neuron" });
    studio.circuitRow.after(this.box);
    element("h3", { text: `neuron ${index} of layer ${layer.name}, in its network` }, this.box);
    const tools = element("div", { class: "tools" }, this.box);
    button(tools, "As trained", "put its trained values back", () => this.reset());
    button(tools, "Leave the network", "go on with this neuron alone", () => this.close());
    this.note = element("p", { role: "status" }, this.box);
    const row = element("div", { class: "row" }, this.box);
    this.own = new Plot(row, { label: "this neuron's output", x: "time / tau_m", y: "output", height: 170 });
    this.readout = new Plot(row, { label: "the readout", x: "time / tau_m", y: "readout", height: 170 });
    for (const plot of [this.own, this.readout]) legend(plot, [["as trained", "model", false], ["changed", "circuit", true]]);
    this.feature = 0;
  }

  reset() {
    const { studio, layer, neuron } = this;
    const state = stateOf(EXAMPLES.find((example) => example.model === layer.model));
    MODELS[layer.model].parameters.forEach((parameter, place) => { state.p[place] = neuron.values[parameter.name]; });
    state.stimulus.current = neuron.bias;
    studio.open(state);
    studio.commit();
  }

  // One question at a time; the newest state is asked when the last answer has come.
  async follow() {
    const { studio, layer } = this;
    if (studio.state.model !== layer.model) { this.close(); return; }
    if (this.busy) return;
    const asked = question(studio.state);
    const key = JSON.stringify([asked.values, studio.current()]);
    if (key === this.known) return;
    this.known = key;
    this.busy = true;
    const answer = await ask(studio, "perturb", {
      layer: layer.name, index: this.index, values: asked.values, bias: studio.current(), trained_bias: this.neuron.bias,
    });
    this.busy = false;
    if (this.closed || studio.closed) return;
    this.note.textContent = answer.error || answer.words;
    if (!answer.error) { this.answer = answer; this.draw(); }
    this.follow();
  }

  draw() {
    const { studio, answer } = this;
    if (!answer) return;
    if (!studio.colours) studio.readColours();
    if (answer.readout[0].length > 1 && !this.choice)
      this.choice = select(this.box, "readout", answer.readout[0].map((_, k) => [String(k), String(k)]), "0", (k) => { this.feature = Number(k); this.draw(); });
    const pairs = [[this.own, answer.neuron], [this.readout, answer.readout.map((each) => each[this.feature])]];
    for (const [plot, [trained, changed]] of pairs) {
      const [low, high] = [Math.min(...trained, ...changed), Math.max(...trained, ...changed)];
      const pad = 0.05 * (high - low) + 1e-3;
      plot.begin([0, answer.time[answer.time.length - 1]], [low - pad, high + pad], studio.colours);
      plot.line(answer.time, trained, { colour: studio.colours.model });
      plot.line(answer.time, changed, { colour: studio.colours.circuit, dash: [5, 3] });
    }
  }

  close() {
    this.closed = true;
    this.box.remove();
    this.studio.perturbed = null;
  }
}

// Which published rule a trained neuron's curves meet: from the printed curves, so that a layer takes no time.
function byCurves(key, neuron) {
  const model = MODELS[key];
  const p = Float64Array.from(model.parameters, (parameter) => neuron.values[parameter.name]);
  const [low, high] = voltageRange(model, p);
  const shapes = Object.fromEntries(model.timescales.map((timescale) =>
    [timescale, shapeOf(fallingParts(model, timescale, 0, p, low, high), low, high)]));
  const rule = publishedRule(shapes);
  return rule ? `rule ${rule.number}: ${rule.behaviour.split(";")[0]}` : "no published rule";
}

function showWaveforms(studio, parent, waveforms) {
  element("h3", { text: "model against circuit; move the cursor with the pointer or the slider" }, parent);
  const names = waveforms.neurons.map((name, index) => [String(index), name]);
  let chosen = 0;
  select(parent, "neuron", names, "0", (index) => { chosen = Number(index); draw(); });
  const cursor = element("input", { type: "range", min: 0, max: 1000, value: 500, "aria-label": "cursor" }, parent);
  const reading = element("p", { role: "status" }, parent);
  const plot = new Plot(parent, { label: "membrane voltage", x: "time / tau_m", y: "V / V0", height: 220 });
  plot.fit();
  const { time } = waveforms;
  const roles = ["model", "equation", "circuit"];
  legend(plot, waveforms.rungs.map((rung, index) => [rung.name, roles[index] || "ink", index > 0]));
  function draw() {
    if (!studio.colours) studio.readColours();
    const voltages = waveforms.rungs.map((rung) => rung.voltage[chosen]);
    const all = voltages.flat();
    plot.begin([time[0], time[time.length - 1]], [Math.min(...all) - 0.1, Math.max(...all) + 0.1], studio.colours);
    voltages.forEach((values, index) => plot.line(time, values, { colour: studio.colours[roles[index] || "ink"], dash: index ? [5, 3] : [] }));
    const place = Math.round((Number(cursor.value) / 1000) * (time.length - 1));
    plot.level(time[place], { colour: studio.colours.muted, vertical: true });
    reading.textContent = `at ${short(time[place])} tau_m: ${waveforms.rungs.map((rung) => `${rung.name} ${short(rung.voltage[chosen][place])} V0`).join(", ")}`;
  }
  cursor.addEventListener("input", draw);
  plot.canvas.addEventListener("pointermove", (event) => {
    const corner = plot.canvas.getBoundingClientRect();
    cursor.value = (1000 * (plot.xAt(event.clientX - corner.left) - time[0])) / (time[time.length - 1] - time[0]);
    draw();
  });
  draw();
}
