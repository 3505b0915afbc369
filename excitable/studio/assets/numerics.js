// What the page computes from a printed model: input, trace, curves, equilibria, what the trace shows.

const MOST_STEPS = 60000;
const USUAL_STEPS = 10000;
const GRID = 240;
const RAMP_STEPS = 50;
const RATES_READ = 40;
const HANDLE = 1; // a handle lies this far right of its element's offset, in V0: there a gain moves the curve
const BURST_RATIO = 1.5; // as conductance.shaping.episodes has it

function heldInput(stimulus, duration) {
  const { shape, current, before, onset, amplitude, width, points } = stimulus;
  if (shape === "step" && onset > 0) return [[0, before], [onset, current]];
  if (shape === "pulse") {
    const pulse = [[onset, current + amplitude], [onset + width, current]];
    return onset > 0 ? [[0, current], ...pulse] : pulse;
  }
  if (shape === "ramp") {
    const rise = Array.from({ length: RAMP_STEPS + 1 }, (_, k) => [
      onset + ((duration - onset) * k) / (RAMP_STEPS + 1), before + ((current - before) * k) / RAMP_STEPS,
    ]);
    return onset > 0 ? [[0, before], ...rise] : rise;
  }
  if (shape === "drawn") return points.map((value, k) => [(duration * k) / points.length, value]);
  return [[0, current]];
}

// A short window takes finer steps at the same price.
function stepOf(model, duration) {
  return model.map ? 1 : Math.min(model.dt, duration / USUAL_STEPS);
}

// How much can be shown: no longer than the most steps of the usual length, beyond which they would be too coarse.
function windowOf(model) {
  return { shortest: 20 * model.dt, longest: MOST_STEPS * model.dt };
}

// Whether the steps are too long for the neuron's own rates: a rule of order 2 is stable up to dt |eigenvalue| = 2.
// Neurons with an event take exact or bounded steps; what those cannot show is more than a spike in a few of them.
function tooCoarse(model, state, run, spikes) {
  if (model.map) return false;
  if (model.event) return spikes.length > run.steps / 4;
  const n = model.states.length;
  const each = Math.max(1, Math.floor(run.steps / RATES_READ));
  let x = state.start;
  for (let t = 0; t < run.steps && x.every(Number.isFinite); t += each) {
    if (!(run.dt * spectralRadius(model.jacobian(x, run.input[t], state.p), n) <= 2)) return true;
    x = run.out.slice(0, n).map((values) => values[t]);
  }
  return false;
}

// From above, by Gelfand's formula: the fourth root of the largest row sum of |J^4|.
function spectralRadius(matrix, n) {
  const square = (a) => Array.from({ length: n * n }, (_, place) => {
    let sum = 0;
    for (let m = 0; m < n; m++) sum += a[n * Math.floor(place / n) + m] * a[m * n + (place % n)];
    return sum;
  });
  const fourth = square(square(matrix));
  const sums = Array.from({ length: n }, (_, i) => fourth.slice(i * n, i * n + n).reduce((sum, value) => sum + Math.abs(value), 0));
  return Math.max(...sums) ** 0.25;
}

function stepsOf(model, duration) {
  return Math.max(2, Math.min(MOST_STEPS, Math.round(duration / stepOf(model, duration))));
}

const buffers = new Map();
function buffersOf(model, steps) {
  const found = buffers.get(model);
  if (found && found.input.length === steps) return found;
  const made = { input: new Float64Array(steps), out: model.states.map(() => new Float64Array(steps)) };
  made.out.push(new Float64Array(steps));
  buffers.set(model, made);
  return made;
}

function simulate(model, state) {
  const steps = stepsOf(model, state.duration);
  const dt = stepOf(model, state.duration);
  const { input, out } = buffersOf(model, steps);
  const changes = heldInput(state.stimulus, state.duration);
  const scale = model.charge(state.p, dt);
  changes.forEach(([time, value], k) => {
    const until = k + 1 < changes.length ? Math.round(changes[k + 1][0] / dt) : steps;
    input.fill(value * scale, Math.min(steps, Math.round(time / dt)), Math.min(steps, until));
  });
  const x = Float64Array.from(state.start);
  model.trace(model.constants(state.p, dt), x, input, out);
  return { steps, out, input, scale, last: x, dt };
}

// Times of spikes: of the neuron's event, or upward crossings of the level.
function spikesOf(model, run, level) {
  const [voltage, output] = [run.out[0], run.out[run.out.length - 1]];
  const times = [];
  if (model.event) {
    for (let t = 0; t < run.steps; t++) if (output[t] > 0.5) times.push((t + 1) * run.dt);
    return times;
  }
  if (level === null) return times;
  let armed = voltage[0] < level;
  for (let t = 1; t < run.steps; t++) {
    if (armed && voltage[t] >= level) {
      times.push((t + (level - voltage[t - 1]) / (voltage[t] - voltage[t - 1])) * run.dt);
      armed = false;
    } else if (voltage[t] < level - 0.1) armed = true;
  }
  return times;
}

function voltageRange(model, p) {
  const places = [...model.inside, ...model.places.map((index) => p[index])];
  return [Math.min(...places) - 4, Math.max(...places) + 4];
}

// Where a curve falls, cut where another element makes most of the fall.
function fallingParts(model, timescale, rest, p, low, high) {
  const parts = [];
  const slope = model.slopes[timescale];
  const reads = model.timescales.slice(0, model.timescales.indexOf(timescale) + 1);
  for (let k = 0; k <= GRID; k++) {
    const v = low + ((high - low) * k) / GRID;
    if (slope(v, rest, p) >= -1e-9) continue;
    const shares = model.elementSlopes(v, p);
    let element = -1;
    shares.forEach((share, index) => {
      if (share < 0 && reads.includes(model.elements[index].timescale) && (element < 0 || share < shares[element])) element = index;
    });
    const last = parts[parts.length - 1];
    const step = (high - low) / GRID;
    if (last && last.element === element && v - last.upper < 1.5 * step) last.upper = v;
    else parts.push({ lower: v, upper: v, element, joined: Boolean(last) && v - last.upper < 1.5 * step });
  }
  return parts;
}

function shapeOf(parts, low, high) {
  const regions = [];
  for (const part of parts) {
    if (part.joined) regions[regions.length - 1].upper = part.upper;
    else regions.push({ lower: part.lower, upper: part.upper });
  }
  const inside = regions.filter((region) => region.lower > low && region.upper < high);
  if (!regions.length) return { name: "monotone", regions };
  return { name: inside.length ? "N-shaped" : "falling to one side", regions, inside };
}

function publishedRule(shapes) {
  return RULES.find((rule) =>
    Object.entries(rule.shapes).every(([timescale, name]) => shapes[timescale]?.name === name) &&
    !rule.absent.some((timescale) => shapes[timescale]));
}

// The voltage whose upward crossing is a spike: the middle of the widest fall of the fastest curve that has one.
function spikeLevel(shapes) {
  for (const shape of Object.values(shapes)) {
    const inside = shape.inside || [];
    if (inside.length) {
      const widest = inside.reduce((a, b) => (b.upper - b.lower > a.upper - a.lower ? b : a));
      return (widest.lower + widest.upper) / 2;
    }
  }
  return null;
}

// All roots of the characteristic polynomial have negative real parts: Faddeev-LeVerrier, then Routh.
function isStable(matrix, n) {
  const coefficients = [1];
  let product = Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  for (let k = 1; k <= n; k++) {
    const next = new Array(n * n).fill(0);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) for (let m = 0; m < n; m++) next[i * n + j] += matrix[i * n + m] * product[m * n + j];
    let sum = 0;
    for (let i = 0; i < n; i++) sum += next[i * (n + 1)];
    coefficients.push(-sum / k);
    product = next.map((value, i) => value + (i % (n + 1) === 0 ? -sum / k : 0));
  }
  let upper = coefficients.filter((_, i) => i % 2 === 0);
  let lower = coefficients.filter((_, i) => i % 2 === 1);
  for (let row = 0; row < n; row++) {
    if (!(lower[0] > 0)) return false;
    const below = upper.slice(1).map((value, i) => value - (upper[0] * (lower[i + 1] || 0)) / lower[0]);
    [upper, lower] = [lower, below];
  }
  return true;
}

function stableAt(model, v, p) {
  if (model.map) return Math.abs(model.slope(v, p)) < 1;
  return isStable(model.jacobian(model.settled(v, p), model.steady(v, p), p), model.states.length);
}

function reachable(model, v, p) {
  return !model.margin || model.margin(model.settled(v, p), p) <= 0;
}

function equilibriaAt(model, current, p, low, high) {
  const found = [];
  const [from, to] = [low - 6, high + 6];
  const residue = (v) => model.steady(v, p) - current;
  let [left, below] = [from, residue(from)];
  for (let k = 1; k <= 2 * GRID; k++) {
    const right = from + ((to - from) * k) / (2 * GRID);
    const above = residue(right);
    if (below * above < 0 || above === 0) {
      let [a, b, side] = [left, right, below];
      for (let i = 0; i < 50; i++) {
        const middle = (a + b) / 2;
        if (residue(middle) * side > 0) a = middle;
        else b = middle;
      }
      const v = (a + b) / 2;
      if (reachable(model, v, p)) found.push({ v, stable: stableAt(model, v, p) });
    }
    [left, below] = [right, above];
  }
  return found;
}

// What the shown window holds, in words; the full protocol is the program's own, `classify`.
function observed(spikes, duration, onset, unit) {
  const late = spikes.filter((time) => time >= onset + duration / 5);
  const seen = onset === 0 && late.length > 8 ? late : spikes.filter((time) => time >= onset); // settled, if it lasts
  if (!seen.length) return { name: "silent", why: "no spike in this window" };
  const count = seen.length === 1 ? "one spike" : `${seen.length} spikes`;
  const intervals = seen.slice(1).map((time, k) => time - seen[k]);
  const sorted = [...intervals].sort((a, b) => a - b);
  const quiet = duration - seen[seen.length - 1];
  if (!intervals.length || quiet > 3 * sorted[sorted.length - 1])
    return { name: seen.length === 1 ? "one spike" : "spikes that end", why: `${count}, then silence` };
  let place = -1;
  let ratio = BURST_RATIO;
  for (let k = 1; k < sorted.length; k++)
    if (sorted[k] / sorted[k - 1] >= ratio) [ratio, place] = [sorted[k] / sorted[k - 1], k];
  if (place > 0) {
    const sizes = [];
    let size = 1;
    for (const interval of intervals) {
      if (interval >= sorted[place]) { sizes.push(size); size = 1; } else size += 1;
    }
    const complete = sizes.slice(1);
    if (complete.length && Math.max(...complete) > 1) {
      const [least, most] = [Math.min(...complete), Math.max(...complete)];
      const many = least === most ? `${least}` : `${least} to ${most}`;
      return { name: "bursting", why: `bursts of ${many} spikes, intervals ${short(sorted[0])} to ${short(sorted[sorted.length - 1])} ${unit}` };
    }
  }
  const middle = sorted[Math.floor(sorted.length / 2)];
  return { name: "tonic spiking", why: `${count}, one every ${unit === "steps" && middle === 1 ? "step" : `${short(middle)} ${unit}`}` };
}

function short(value) {
  if (!Number.isFinite(value)) return String(value);
  const text = Number(value.toPrecision(4));
  return Math.abs(text) >= 1e5 || (Math.abs(text) < 1e-3 && text !== 0) ? value.toExponential(2) : String(text);
}

// Runs in a worker: extremes of the membrane (or values of the map) under each held current.
function sweep(trace, constants, start, scale, currents, steps, states, map) {
  const out = Array.from({ length: states + 1 }, () => new Float64Array(steps));
  return currents.map((current) => {
    const x = Float64Array.from(start);
    const input = new Float64Array(steps).fill(current * scale);
    trace(constants, x, input, out);
    trace(constants, x, input, out);
    const v = out[0];
    if (map) return Array.from(v.slice(-40)).filter((value) => Math.abs(value) < 50);
    let [low, high] = [Infinity, -Infinity];
    for (let t = 0; t < steps; t++) { if (v[t] < low) low = v[t]; if (v[t] > high) high = v[t]; }
    return [low, high];
  });
}
