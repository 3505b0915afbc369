// What is drawn: I-V curves with handles, the trace, the phase plane or the map, the bifurcation diagram.

const TIMESCALE_NAMES = { fast: "fast", slow: "slow", ultraslow: "ultra-slow" };
const DASHES = { fast: [], slow: [7, 3], ultraslow: [7, 3, 2, 3] };
const POINTS = 160;
const SWEPT = 60;

class CurveView {
  constructor(studio, parent, timescale) {
    this.studio = studio;
    this.timescale = timescale;
    this.plot = new Plot(parent, { label: `${TIMESCALE_NAMES[timescale]} I-V curve`, x: "V / V0", y: "I / I0", height: 230 });
    this.handles = new Map();
    studio.model.elements.forEach((each, index) => {
      if (each.timescale === timescale && each.gain !== null && each.offset !== null) this.addHandle(each, index);
    });
    const grab = this.plot.canvas;
    grab.title = "drag a handle: sideways moves the element's offset, up and down its gain";
  }

  addHandle(each, index) {
    const button = element("button", { type: "button", class: `handle ${each.sign < 0 ? "negative" : "positive"}` }, this.plot.box);
    button.style.setProperty("--colour", `var(--${each.timescale})`);
    button.textContent = each.sign < 0 ? "−" : "+";
    this.handles.set(index, button);
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      this.held = { ...this.plot.range };
      this.corner = this.plot.canvas.getBoundingClientRect();
      event.preventDefault();
      button.focus();
    });
    button.addEventListener("pointermove", (event) => {
      if (!this.held) return;
      this.dragTo(index, this.plot.xAt(event.clientX - this.corner.left), this.plot.yAt(event.clientY - this.corner.top));
    });
    const release = () => { if (this.held) { this.held = null; this.studio.commit(); } };
    button.addEventListener("pointerup", release);
    button.addEventListener("pointercancel", release);
    button.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!moves) return;
      event.preventDefault();
      const size = event.shiftKey ? 0.01 : 0.05;
      const { p } = this.studio.state;
      if (moves[0]) this.move(each.offset, p[each.offset] + moves[0] * size);
      else this.move(each.gain, p[each.gain] + moves[1] * size);
    });
    button.addEventListener("keyup", () => this.studio.commit());
  }

  dragTo(index, v, current) {
    const { model, state, rest } = this.studio;
    const each = model.elements[index];
    this.move(each.offset, v - HANDLE);
    const share = model.elementShares(v, state.p)[index];
    const others = model.curves[this.timescale](v, rest, state.p) - share * state.p[each.gain];
    this.move(each.gain, (current - others) / share);
  }

  move(place, value) {
    const broken = this.studio.set(place, value);
    if (broken) this.studio.tell(broken);
  }

  draw(colours) {
    const { model, state, rest, range, equilibria, shapes } = this.studio;
    const curve = model.curves[this.timescale];
    const [low, high] = range;
    const xs = [];
    const ys = [];
    let [least, most] = [Infinity, -Infinity];
    for (let k = 0; k <= POINTS; k++) {
      const v = low + ((high - low) * k) / POINTS;
      xs.push(v);
      ys.push(curve(v, rest, state.p));
      if (ys[k] < least) least = ys[k];
      if (ys[k] > most) most = ys[k];
    }
    const current = this.studio.current();
    const pad = 0.08 * (most - least) + 1e-6;
    const box = this.held
      ? [[this.held.xLow, this.held.xHigh], [this.held.yLow, this.held.yHigh]]
      : [[low, high], [Math.min(least, current) - pad, Math.max(most, current) + pad]];
    this.plot.begin(...box, colours);
    this.plot.line(xs, ys, { colour: colours.ink, width: 1.8, dash: DASHES[this.timescale] });
    for (const part of shapes[this.timescale].parts) {
      const cause = model.elements[part.element];
      const inside = [];
      for (let k = 0; k <= 24; k++) inside.push(part.lower + ((part.upper - part.lower) * k) / 24);
      this.plot.line(inside, inside.map((v) => curve(v, rest, state.p)), {
        colour: colours[cause ? cause.timescale : "fault"], width: 5,
      });
    }
    this.plot.level(current, { colour: colours.model });
    if (this.timescale === model.timescales[model.timescales.length - 1])
      for (const point of equilibria) this.plot.dot(point.v, current, { colour: colours.model, hollow: !point.stable });
    this.place(curve);
  }

  place(curve) {
    const { model, state, rest } = this.studio;
    const { left, right, top, bottom } = this.plot.inner;
    for (const [index, button] of this.handles) {
      const each = model.elements[index];
      const v = state.p[each.offset] + HANDLE;
      const x = Math.min(right, Math.max(left, this.plot.px(v)));
      const y = Math.min(bottom, Math.max(top, this.plot.py(curve(v, rest, state.p))));
      button.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
      this.studio.say(button, `element ${each.name}: gain ${short(state.p[each.gain])}, offset ${short(state.p[each.offset])}; arrow keys move it`);
    }
  }
}

class TraceView {
  constructor(studio, parent) {
    this.studio = studio;
    this.plot = new Plot(parent, { label: "membrane voltage", x: studio.model.map ? "step" : "time / tau_m", y: "V / V0", height: 220 });
    this.legend = legend(this.plot, [["model", "model", false], ["ngspice", "circuit", true]]);
    this.raster = new Plot(parent, { label: "spikes", x: "", y: "", height: 52 });
    this.input = new Plot(parent, { label: "input", x: "", y: "I / I0", height: 96 });
    const { canvas } = this.input;
    const draw = (event) => {
      const { stimulus, duration } = studio.state;
      if (stimulus.shape !== "drawn") return;
      const place = Math.floor((this.input.xAt(event.clientX - this.corner.left) / duration) * DRAWN);
      if (place < 0 || place >= DRAWN) return;
      stimulus.points[place] = Number(this.input.yAt(event.clientY - this.corner.top).toFixed(3));
      studio.changed();
    };
    canvas.addEventListener("pointerdown", (event) => {
      this.corner = canvas.getBoundingClientRect();
      canvas.setPointerCapture(event.pointerId);
      this.drawing = true;
      draw(event);
    });
    canvas.addEventListener("pointermove", (event) => this.drawing && draw(event));
    canvas.addEventListener("pointerup", () => { this.drawing = false; studio.commit(); });
  }

  draw(colours) {
    const { model, run, state, spikes, level, circuit } = this.studio;
    const v = run.out[0];
    let [low, high] = [Infinity, -Infinity];
    for (let t = 0; t < run.steps; t++) { if (v[t] < low) low = v[t]; if (v[t] > high) high = v[t]; }
    const limit = model.event && !model.map ? 8 : 50;
    [low, high] = [Math.max(low, -limit), Math.min(high, limit)];
    if (!(high - low > 0.2)) [low, high] = [low - 0.5, low + 0.5];
    // half units, so that the axis rests while the trace moves a little
    [low, high] = [Math.floor(2 * low - 0.1) / 2, Math.ceil(2 * high + 0.1) / 2];
    const span = [0, run.steps * run.dt];
    this.plot.begin(span, [low, high], colours);
    if (level !== null) this.plot.level(level, { colour: colours.muted });
    this.plot.trace(v, run.dt, { colour: colours.model });
    this.legend.hidden = !circuit;
    canvasTouch(this.input, state.stimulus.shape === "drawn");
    if (circuit) this.plot.line(circuit.time, circuit.voltage, { colour: colours.circuit, width: 1.2, dash: [5, 3] });
    this.raster.begin(span, [0, 1], { ...colours, grid: "transparent", muted: "transparent" });
    this.raster.clipped((c) => {
      c.strokeStyle = colours.ink;
      c.lineWidth = 1.5;
      c.beginPath();
      for (const time of spikes) { const x = this.raster.px(time); c.moveTo(x, 8); c.lineTo(x, 40); }
      c.stroke();
    });
    const changes = heldInput(state.stimulus, state.duration);
    const [xs, ys] = [[], []];
    changes.forEach(([time, value], k) => {
      xs.push(time, k + 1 < changes.length ? changes[k + 1][0] : span[1]);
      ys.push(value, value);
    });
    if (!this.drawing) {
      const [least, most] = [Math.min(...ys), Math.max(...ys)];
      const room = state.stimulus.shape === "drawn" ? 2 : 0.5;
      this.bounds = [Math.min(least - 0.5, state.stimulus.current - room), Math.max(most + 0.5, state.stimulus.current + room)];
    }
    this.input.begin(span, this.bounds, colours);
    this.input.line(xs, ys, { colour: colours.ink });
  }
}

// A finger scrolls the page over every plot but one that is drawn on.
function canvasTouch({ canvas }, drawn) {
  const wanted = drawn ? "none" : "auto";
  if (canvas.style.touchAction !== wanted) canvas.style.touchAction = wanted;
}

class PhaseView {
  constructor(studio, parent) {
    this.studio = studio;
    const { model } = studio;
    const title = model.map ? "delay map, with the cobweb of the last steps" : "phase plane; dotted: its nullclines";
    const other = model.states.length > 1 ? `${model.states[1].name} / V0` : "dV/dt";
    this.plot = new Plot(parent, { label: title, x: model.map ? "u[t]" : "V / V0", y: model.map ? "u[t+1]" : other, height: 250 });
  }

  draw(colours) {
    const { model, state, run, equilibria, range } = this.studio;
    const current = this.studio.current();
    const v = run.out[0];
    if (model.map) return this.drawMap(colours, current, v);
    if (model.states.length === 1) return this.drawLine(colours, current);
    const from = Math.floor(run.steps / 2);
    const second = run.out[1];
    let [low, high] = [Infinity, -Infinity];
    for (let t = from; t < run.steps; t++) { if (second[t] < low) low = second[t]; if (second[t] > high) high = second[t]; }
    for (const point of equilibria) { const y = model.settled(point.v, state.p)[1]; low = Math.min(low, y); high = Math.max(high, y); }
    [low, high] = [Math.max(-20, Math.floor(2 * low - 0.4) / 2), Math.min(20, Math.ceil(2 * high + 0.4) / 2)];
    this.plot.begin([range[0] + 1, range[1] - 1], [low, high], colours);
    const x = Float64Array.from(run.last);
    const field = (a, b) => { x[0] = a; x[1] = b; return model.derivatives(x, current, state.p); };
    this.plot.context.setLineDash([2, 3]);
    this.plot.context.lineWidth = 1.6;
    ["fast", "slow"].forEach((role, index) => {
      this.plot.context.strokeStyle = colours[role];
      zeroLine(this.plot, [44, 30], (a, b) => field(a, b)[index]);
    });
    this.plot.context.setLineDash([]);
    const each = Math.max(1, Math.floor((run.steps - from) / 2500));
    this.plot.clipped((c) => {
      c.strokeStyle = colours.model;
      c.lineWidth = 1.1;
      c.beginPath();
      for (let t = from; t < run.steps; t += each) {
        const jump = model.event && t > from && run.out[0][t] < run.out[0][t - each] - 3;
        c[jump ? "moveTo" : "lineTo"](this.plot.px(v[t]), this.plot.py(second[t]));
      }
      c.stroke();
    });
    for (const point of equilibria)
      this.plot.dot(point.v, model.settled(point.v, state.p)[1], { colour: colours.ink, hollow: !point.stable });
  }

  drawLine(colours, current) {
    const { model, state, range, equilibria } = this.studio;
    const [xs, ys] = [[], []];
    for (let k = 0; k <= POINTS; k++) {
      xs.push(range[0] + ((range[1] - range[0]) * k) / POINTS);
      ys.push(model.derivatives([xs[k]], current, state.p)[0]);
    }
    this.plot.begin(range, [Math.min(...ys), Math.max(...ys)], colours);
    this.plot.level(0, { colour: colours.muted });
    this.plot.line(xs, ys, { colour: colours.model });
    for (const point of equilibria) this.plot.dot(point.v, 0, { colour: colours.ink, hollow: !point.stable });
  }

  drawMap(colours, current, v) {
    const { model, state, run, equilibria } = this.studio;
    const [low, high] = [-3, 5];
    const [xs, ys] = [[], []];
    for (let k = 0; k <= POINTS; k++) {
      xs.push(low + ((high - low) * k) / POINTS);
      ys.push(model.next(xs[k], current, state.p));
    }
    this.plot.begin([low, high], [low, high], colours);
    this.plot.line([low, high], [low, high], { colour: colours.muted });
    this.plot.line(xs, ys, { colour: colours.ink, width: 1.8 });
    const [cx, cy] = [[], []];
    for (let t = Math.max(1, run.steps - 60); t < run.steps; t++) { cx.push(v[t - 1], v[t - 1]); cy.push(v[t - 1], v[t]); }
    this.plot.line(cx, cy, { colour: colours.model, width: 1 });
    for (const point of equilibria) this.plot.dot(point.v, point.v, { colour: colours.ink, hollow: !point.stable });
  }
}

class BifurcationView {
  constructor(studio, parent) {
    this.studio = studio;
    this.plot = new Plot(parent, {
      label: "over the input: equilibria, extremes of V", x: "I / I0", y: "V / V0", height: 250,
    });
    this.plot.canvas.addEventListener("click", (event) => {
      const corner = this.plot.canvas.getBoundingClientRect();
      studio.setStimulus("current", Number(this.plot.xAt(event.clientX - corner.left).toPrecision(4)));
      studio.commit();
    });
  }

  bounds() {
    const low = 2 * Math.floor((this.studio.current() - 2) / 2); // rests while the input moves a little
    return [low, low + 6];
  }

  draw(colours) {
    const { model, state, range, swept } = this.studio;
    const [low, high] = model.map ? [-3, 5] : range;
    this.plot.begin(this.bounds(), [low, high], colours);
    const runs = [];
    for (let k = 0; k <= POINTS; k++) {
      const v = low + ((high - low) * k) / POINTS;
      if (!reachable(model, v, state.p)) continue;
      const stable = stableAt(model, v, state.p);
      const last = runs[runs.length - 1];
      const point = [model.steady(v, state.p), v];
      if (last) last.points.push(point);
      if (!last || last.stable !== stable) runs.push({ stable, points: [point] });
    }
    for (const { stable, points } of runs)
      this.plot.line(points.map(([x]) => x), points.map(([, y]) => y), {
        colour: colours.ink, width: stable ? 2.4 : 1, dash: stable ? [] : [3, 3],
      });
    if (swept) {
      const [xs, ys] = [[], []];
      swept.values.forEach((found, k) => found.forEach((v) => { xs.push(swept.currents[k]); ys.push(v); }));
      this.plot.points(xs, ys, { colour: colours.circuit, size: 3 });
    }
    this.plot.level(this.studio.current(), { colour: colours.model, vertical: true });
  }
}

// One worker; it gets the newest question when it has answered the last.
class Sweeper {
  constructor(answered) {
    this.answered = answered;
    const traces = Object.entries(MODELS).map(([key, model]) => `${JSON.stringify(key)}: ${model.trace}`);
    const source = `${sweep}\nconst traces = {${traces.join(",\n")}};
onmessage = ({ data }) => {
  const { key, constants, start, scale, currents, steps, states, map } = data;
  postMessage({ currents, values: sweep(traces[key], constants, start, scale, currents, steps, states, map) });
};`;
    try {
      this.link = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      this.worker = new Worker(this.link);
      this.worker.onmessage = ({ data }) => this.done(data);
    } catch (error) {
      this.worker = null; // a host that forbids workers: the diagram shows equilibria only
    }
  }

  ask(question) {
    if (!this.worker) return;
    if (this.busy) { this.next = question; return; }
    this.busy = true;
    this.worker.postMessage(question);
  }

  done(data) {
    this.busy = false;
    const { next } = this;
    this.next = null;
    if (next) this.ask(next);
    else this.answered(data);
  }

  close() {
    if (!this.worker) return;
    this.worker.terminate();
    URL.revokeObjectURL(this.link);
  }
}
