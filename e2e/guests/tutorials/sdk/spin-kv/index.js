import { Store } from 'fermyon:spin/key-value@2.0.0';

const text = { in: new TextEncoder(), out: new TextDecoder() };

// bytes is what is stored of a value: itself, the UTF-8 of a string, the JSON of an object.
function bytes(value) {
  if (value instanceof Uint8Array) return value;
  return text.in.encode(typeof value === 'string' ? value : JSON.stringify(value));
}

// open has a store of the label, which the manifest must grant.
export function open(label) {
  const store = Store.open(label);
  return {
    get: (key) => store.get(key) ?? null,
    set: (key, value) => store.set(key, bytes(value)),
    delete: (key) => store.delete(key),
    exists: (key) => store.exists(key),
    getKeys: () => store.getKeys(),
    getJson: (key) => JSON.parse(text.out.decode(store.get(key) ?? new Uint8Array())),
    setJson: (key, value) => store.set(key, text.in.encode(JSON.stringify(value))),
  };
}

export const openDefault = () => open('default');
