// The state of the page, and its form in the address. What a link says is checked before anything of it is used.

const SHAPES = ["constant", "step", "pulse", "ramp", "drawn"];
const STIMULUS = ["current", "before", "onset", "amplitude", "width"];
const UNITS = ["v0", "i0", "c0"];
const DRAWN = 32;
const LONGEST_LINK = 8000;
const LARGEST = 1e6;

function allowed(parameter, value) {
  if (!Number.isFinite(value)) return false;
  const [openBelow, openAbove] = parameter.open;
  if (parameter.lower !== null && (openBelow ? value <= parameter.lower : value < parameter.lower)) return false;
  return parameter.upper === null || (openAbove ? value < parameter.upper : value <= parameter.upper);
}

function brokenConstraint(model, p) {
  const place = model.legal(p).findIndex((holds) => !holds);
  return place < 0 ? null : model.constraints[place];
}

function stateOf(example) {
  return {
    model: example.model,
    p: Float64Array.from(example.values),
    start: [...example.start],
    duration: example.duration,
    stimulus: { ...example.stimulus, points: new Array(DRAWN).fill(example.stimulus.current) },
    units: { v0: 0.072, i0: 1e-9, c0: 1e-12 },
  };
}

function encoded(state) {
  const model = MODELS[state.model];
  const query = new URLSearchParams({ neuron: state.model });
  model.parameters.forEach((parameter, index) => query.set(parameter.name, String(state.p[index])));
  query.set("stimulus", state.stimulus.shape);
  for (const name of STIMULUS) query.set(`stimulus.${name}`, String(state.stimulus[name]));
  if (state.stimulus.shape === "drawn") query.set("stimulus.points", state.stimulus.points.join(" "));
  query.set("start", state.start.join(" "));
  query.set("duration", String(state.duration));
  for (const name of UNITS) query.set(name, String(state.units[name]));
  return query.toString();
}

// Throws an Error that says what is wrong; nothing is half taken over.
function decoded(text) {
  if (text.length > LONGEST_LINK) throw new Error("it is too long");
  const query = new URLSearchParams(text);
  const key = query.get("neuron");
  if (key === null) throw new Error("it names no neuron");
  if (!Object.hasOwn(MODELS, key)) throw new Error(`neuron “${key.slice(0, 40)}” is not here`);
  const model = MODELS[key];
  const number = (name, most = LARGEST) => {
    const given = query.get(name);
    const value = given === null || given.trim() === "" ? NaN : Number(given);
    if (!Number.isFinite(value) || Math.abs(value) > most) throw new Error(`${name} is not a number that fits`);
    return value;
  };
  const numbers = (name, count) => {
    const values = (query.get(name) ?? "").split(" ").map((part) => (part === "" ? NaN : Number(part)));
    if (values.length !== count || !values.every((value) => Number.isFinite(value) && Math.abs(value) <= LARGEST))
      throw new Error(`${name} must be ${count} numbers`);
    return values;
  };
  const known = new Set(["neuron", "stimulus", "stimulus.points", "start", "duration", ...UNITS,
    ...STIMULUS.map((name) => `stimulus.${name}`), ...model.parameters.map((parameter) => parameter.name)]);
  for (const name of query.keys()) {
    if (!known.has(name)) throw new Error(`“${name.slice(0, 40)}” is not known here; another version may have written it`);
    if (query.getAll(name).length > 1) throw new Error(`${name} stands in it twice`);
  }
  const p = Float64Array.from(model.parameters, (parameter) => {
    const value = number(parameter.name);
    if (!allowed(parameter, value)) throw new Error(`${parameter.name} must lie in ${parameter.bounds}`);
    return value;
  });
  const broken = brokenConstraint(model, p);
  if (broken) throw new Error(broken);
  const shape = query.get("stimulus");
  if (!SHAPES.includes(shape)) throw new Error(`stimulus “${(shape ?? "").slice(0, 40)}” is none of ${SHAPES.join(", ")}`);
  const stimulus = { shape, points: new Array(DRAWN).fill(0) };
  for (const name of STIMULUS) stimulus[name] = number(`stimulus.${name}`);
  if (shape === "drawn") stimulus.points = numbers("stimulus.points", DRAWN);
  const duration = number("duration");
  const { shortest, longest } = windowOf(model);
  if (duration < shortest || duration > longest) throw new Error(`duration must lie between ${short(shortest)} and ${short(longest)}`);
  for (const name of ["onset", "width"]) if (stimulus[name] < 0) throw new Error(`stimulus.${name} is negative`);
  const units = {};
  for (const name of UNITS) {
    units[name] = number(name);
    if (!(units[name] > 0)) throw new Error(`${name} must be positive`);
  }
  return { model: key, p, start: numbers("start", model.states.length), duration, stimulus, units };
}

class Undo {
  constructor(first) { this.past = []; this.future = []; this.now = first; }
  keep(text) {
    if (text === this.now) return false;
    this.past.push(this.now);
    if (this.past.length > 200) this.past.shift();
    this.future = [];
    this.now = text;
    return true;
  }
  back() { return this.move(this.past, this.future); }
  forth() { return this.move(this.future, this.past); }
  move(from, to) {
    if (!from.length) return null;
    to.push(this.now);
    this.now = from.pop();
    return this.now;
  }
}
