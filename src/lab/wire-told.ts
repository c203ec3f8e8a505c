/**
 * The bytes of an exchange's wire for the page: each way with its fields, as the codecs read them (trace/explain.ts). The values of secret
 * variables are struck out in the bytes themselves: hexadecimal is no disguise.
 */
import { labFieldsMax } from '../limits.js';
import { type Explained, explain, isPayload } from '../trace/explain.js';
import { bytesOf } from '../trace/recorder.js';
import type { WireAccount } from '../trace/trace.js';
import { isSecret } from './secrets.js';
import type { ToldField, ToldWay, ToldWire } from './told.js';

export const toldWire = (account: WireAccount): ToldWire | undefined => {
  const { name, recorded, sent, received, payloadSent, payloadReceived } = account;
  if (recorded === undefined) return undefined;
  return {
    name,
    ways: [
      wayOf('sent', explain(name, bytesOf(recorded, 'sent')), sent, payloadSent),
      wayOf('received', explain(name, bytesOf(recorded, 'received'), 'answer'), received, payloadReceived),
    ],
  };
};

const wayOf = (way: ToldWay['way'], { bytes, fields }: Explained, count: number, payload: number): ToldWay => {
  const shown = Buffer.from(bytes);
  const told: ToldField[] = [];
  let secret = false;
  for (const field of fields) {
    const { at, name, value, rule } = field;
    // The name itself: its text is cut where it is long. Our own requests never cut a variable in two.
    if (namesOf.has(name)) secret = isSecret(nameIn(bytes.subarray(at, at + field.bytes)));
    const hidden = secret && valuesOf.has(name);
    if (hidden) shown.fill(struck, at, at + field.bytes);
    if (told.length < labFieldsMax)
      told.push({ at, bytes: field.bytes, name, value: hidden ? '' : value, rule, payload: isPayload(field), hidden });
  }
  return {
    way,
    bytes: count,
    payload,
    base64: shown.toString('base64'),
    more: count - bytes.length,
    fields: told,
    fieldsMore: fields.length - told.length,
  };
};

/** The three wires' words for a variable's two halves. */
const namesOf: ReadonlySet<string> = new Set(['nameData', 'name', 'key']);
const valuesOf: ReadonlySet<string> = new Set(['valueData', 'value', 'val']);
/** SCGI ends it with a NUL. */
const nameIn = (bytes: Buffer): string => bytes.toString('latin1', 0, bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length);
const struck = 0x2a; // *
