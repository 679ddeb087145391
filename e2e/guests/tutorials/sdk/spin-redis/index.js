import { Connection } from 'fermyon:spin/redis@2.0.0';

// open has a connection with the functions of the interface. Values are bytes.
export const open = (address) => Connection.open(address);
