import { get as ask } from 'fermyon:spin/variables@2.0.0';

// get has the value of a variable, or null whatever is wrong with it.
export function get(name) {
  try {
    return ask(name);
  } catch {
    return null;
  }
}
