/**
 * The bytes of one exchange as they stood on the wire, both ways, in the order in which they went. Kept only where somebody asked
 * for it; explain.ts says what they mean. Pieces are copied, because their buffers have other uses afterwards.
 */
import { wireRecordedBytesMax } from '../limits.js';

export interface WirePiece {
  readonly way: 'sent' | 'received';
  /** Milliseconds since the exchange began. */
  readonly atMs: number;
  readonly bytes: Buffer;
}

export interface WireRecording {
  readonly pieces: readonly WirePiece[];
  /** Bytes that went each way after `wireRecordedBytesMax` of them were kept. */
  readonly sentMore: number;
  readonly receivedMore: number;
}

export interface WireRecorder {
  sent(bytes: Buffer): void;
  received(bytes: Buffer): void;
  recording(): WireRecording;
}

/** `elapsedMs`: since the exchange began. */
export const wireRecorder = (elapsedMs: () => number): WireRecorder => {
  const pieces: WirePiece[] = [];
  const came = { sent: 0, received: 0 };
  const keep = (way: WirePiece['way'], bytes: Buffer): void => {
    const kept = bytes.subarray(0, Math.max(0, wireRecordedBytesMax - came[way]));
    came[way] += bytes.length;
    if (kept.length > 0) pieces.push({ way, atMs: elapsedMs(), bytes: Buffer.from(kept) });
  };
  const more = (bytes: number): number => Math.max(0, bytes - wireRecordedBytesMax);
  return {
    sent: (bytes) => keep('sent', bytes),
    received: (bytes) => keep('received', bytes),
    recording: () => ({ pieces, sentMore: more(came.sent), receivedMore: more(came.received) }),
  };
};

/** All that was kept of one way. */
export const bytesOf = ({ pieces }: WireRecording, way: WirePiece['way']): Buffer =>
  Buffer.concat(pieces.flatMap((piece) => (piece.way === way ? [piece.bytes] : [])));
