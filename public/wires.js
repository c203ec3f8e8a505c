// Asks the same program over each wire, one after another, and lays what it was told side by side.
// Every word stands in the page, so that this file serves both languages. Read it after wires.html.

const wires = [...document.querySelectorAll('#wires-list > li')];
const form = document.querySelector('#ask');
const table = document.querySelector('#told');
const summary = document.querySelector('#summary');

/** Of the request, though a program that answers for a whole prefix has none. */
const ofTheRequest = new Set(['SCRIPT_FILENAME', 'PATH_TRANSLATED']);

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void askAll();
});
void askAll();

async function askAll() {
  form.elements.send.disabled = true;
  const typed = form.elements.path.value;
  const path = /^[/?]/.test(typed) || typed === '' ? typed : `/${typed}`;
  const answers = [];
  // In turn: none waits for another, and all go over the connection that the browser keeps.
  for (const wire of wires) answers.push(await ask(wire, path));
  for (const answer of answers) tell(answer);
  document.querySelector('#serve').hidden = answers.every(({ status }) => status !== 404);
  lay(answers.filter(({ told }) => told !== undefined));
  form.elements.send.disabled = false;
}

/** `told` is what wires.py prints; undefined where something else answers, or nobody. */
async function ask(wire, path) {
  const began = performance.now();
  try {
    const answer = await fetch(wire.dataset.at + path, { headers: { Accept: 'application/json' }, cache: 'no-store' });
    const text = await answer.text();
    const ms = performance.now() - began;
    return { wire, status: answer.status, ms, told: answer.ok ? readTold(text) : undefined };
  } catch {
    return { wire, status: 0, ms: 0, told: undefined };
  }
}

function readTold(text) {
  try {
    const told = JSON.parse(text);
    return typeof told?.variables === 'object' ? told : undefined;
  } catch {
    return undefined; // A script's source, or somebody else's page.
  }
}

function tell({ wire, status, ms, told }) {
  wire.dataset.state = told ? 'answers' : 'silent';
  const { words } = document.querySelector('#wires-list').dataset;
  const [answers, silent, nobody, other] = words.split('|');
  const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: ms < 10 ? 1 : 0 });
  const text = told ? answers : status === 404 ? silent : status === 0 || status >= 500 ? nobody : other;
  wire.querySelector('.state').textContent = filled(text, { ...told, status, ms: number.format(ms) });
}

/** One row for a variable. Where all were told the same, one cell for all of them. */
function lay(answers) {
  for (const group of table.tBodies) while (group.rows.length > 1) group.deleteRow(1);
  const head = table.tHead.rows[0];
  while (head.cells.length > 1) head.deleteCell(1);
  for (const { wire } of answers) head.append(cell('th', 'columnheader', nameOf(wire)));

  const names = [...new Set(answers.flatMap(({ told }) => Object.keys(told.variables)))].sort();
  const counts = { alone: 0, differ: 0, same: 0, own: 0 };
  for (const name of names) {
    const values = answers.map(({ told }) => told.variables[name]);
    const kind = kindOf(name, values, answers);
    counts[kind] += 1;
    const group = table.querySelector(`[data-kind="${kind}"]`);
    const row = group.insertRow();
    row.setAttribute('role', 'row');
    const head = cell('th', 'rowheader', name);
    const mark = group.querySelector('.mark');
    if (mark) head.prepend(mark.cloneNode(true), ' ');
    row.append(head);
    if (kind === 'differ') answers.forEach(({ wire }, i) => void row.append(valueCell(values[i], nameOf(wire))));
    else {
      const all = valueCell(values[0], kind === 'own' ? nameOf(answers[0].wire) : undefined);
      all.colSpan = answers.length;
      row.append(all);
    }
  }
  for (const group of table.tBodies) {
    group.hidden = group.rows.length === 1;
    group.rows[0].cells[0].colSpan = answers.length + 1;
  }
  table.hidden = answers.length === 0;
  const [compared, alone, none] = summary.dataset.words.split('|');
  summary.textContent = filled(answers.length > 1 ? compared : answers.length === 1 ? alone : none, {
    answers: answers.length,
    wire: answers[0] && nameOf(answers[0].wire),
    differ: counts.differ,
    told: names.length - counts.own,
    all: names.length,
  });
}

function kindOf(name, values, answers) {
  if (answers.length === 1) return 'alone';
  if (values.every((value) => value === values[0])) return 'same';
  const onlyCgi = answers[0].wire.dataset.wire === 'cgi' && values.slice(1).every((value) => value === undefined);
  return onlyCgi && !ofTheRequest.has(name) ? 'own' : 'differ';
}

const nameOf = (wire) => wire.querySelector('.file').textContent;

function valueCell(value, wire) {
  const made = cell('td', 'cell', value ?? '');
  if (wire !== undefined) made.dataset.wire = wire;
  if (value === undefined || value === '') {
    const [absent, empty] = table.dataset.words.split('|');
    made.append(Object.assign(document.createElement('i'), { textContent: value === undefined ? absent : empty }));
  }
  return made;
}

/** The role is said, because on a narrow page the cells stand below each other and are no table to the browser. */
function cell(tag, role, text) {
  const made = document.createElement(tag);
  if (role !== 'cell') made.scope = role === 'rowheader' ? 'row' : 'col';
  made.setAttribute('role', role);
  made.textContent = text;
  return made;
}

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
