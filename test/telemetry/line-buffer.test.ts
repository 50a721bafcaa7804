import { expect, test } from 'vitest';
import { lineBuffer } from '../../src/telemetry/line-buffer.ts';

/** A reader that takes what it is given when it is told to. */
function slowReader() {
  const written: string[] = [];
  let go: () => void = () => {};
  const write = (text: string) =>
    new Promise<void>((resolve) => {
      go = () => {
        written.push(text);
        resolve();
      };
    });
  return { written, write, go: () => go() };
}

const turn = () => new Promise<void>((resolve) => queueMicrotask(resolve));

async function turns(): Promise<void> {
  for (let index = 0; index < 10; index++) await turn();
}

test('AL-05: lines go out together and in order, one write at a time', async () => {
  const { written, write, go } = slowReader();
  const lines = lineBuffer({ write });
  lines.add('one');
  lines.add('two');
  await turns();
  lines.add('three');
  lines.add('four');
  expect(written).toEqual([]);
  go();
  await turns();
  go();
  await lines.flush();
  expect(written).toEqual(['one\ntwo\n', 'three\nfour\n']);
});

test('AL-06: what waits is bounded, those being written included; the rest is dropped and counted', async () => {
  const { written, write, go } = slowReader();
  const lines = lineBuffer({ write, maxLength: 10 });
  lines.add('1234');
  await turns();
  lines.add('5678');
  lines.add('lost');
  expect(lines.dropped).toBe(1);
  go();
  await turns();
  lines.add('more');
  go();
  await turns();
  go();
  await lines.flush();
  expect(written.join('')).toBe('1234\n5678\nmore\n');
});

test('AL-06: lines that nobody takes are dropped, and later ones tried again', async () => {
  let broken = true;
  const written: string[] = [];
  const lines = lineBuffer({
    async write(text) {
      if (broken) throw new Error('EPIPE');
      written.push(text);
    },
  });
  lines.add('one');
  lines.add('two');
  await lines.flush();
  expect(lines.dropped).toBe(2);
  broken = false;
  lines.add('three');
  await lines.flush();
  expect(written).toEqual(['three\n']);
});

test('flushing nothing is done at once', async () => {
  await lineBuffer({ write: () => Promise.reject(new Error('not called')) }).flush();
});
