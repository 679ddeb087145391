// The script of js-fetch, built as Spin's templates are.
import '../js-fetch/guest.js';
