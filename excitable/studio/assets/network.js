// A trained network of a run folder, to look at: neurons by their curves, waveforms, the error ladder.

function showNetwork(studio, parent, network) {
  element("p", { text: network.words }, parent);
  for (const layer of network.layers) {
    element("h3", { text: `layer ${layer.name}: ${layer.neurons.length} ${layer.neuron} neurons` }, parent);
    const rows = layer.neurons.map((neuron, index) => [index, byCurves(layer.model, neuron), ...layer.shown.map((name) => short(neuron.values[name])), neuron.input]);
    const body = table(parent, ["neuron", "by its curves", ...layer.shown.map(label), "bias"], rows);
    [...body.children].forEach((line, index) => {
      const cell = line.children[0];
      cell.textContent = "";
      button(cell, `open ${index}`, "shape this neuron; the run stays as it is", () => {
        const neuron = layer.neurons[index];
        const state = stateOf(EXAMPLES.find((example) => example.model === layer.model));
        MODELS[layer.model].parameters.forEach((parameter, place) => { state.p[place] = neuron.values[parameter.name]; });
        state.stimulus.current = neuron.bias;
        studio.open(state);
        studio.commit();
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
  const colours = ["model", "equation", "circuit"];
  function draw() {
    if (!studio.colours) studio.readColours();
    const voltages = waveforms.rungs.map((rung) => rung.voltage[chosen]);
    const all = voltages.flat();
    plot.begin([time[0], time[time.length - 1]], [Math.min(...all) - 0.1, Math.max(...all) + 0.1], studio.colours);
    voltages.forEach((values, index) => plot.line(time, values, { colour: studio.colours[colours[index]] || studio.colours.ink, dash: index ? [5, 3] : [] }));
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
