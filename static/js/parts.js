// What a project may ask beside the ranking, in the order in which it is complained of. Each is a module with
// `mount(desk, { form, cards, ranking, signal, changed })`: null where its root is not in the page, else
// `{ keys: { f: act }, complaint: () => null | { sentence, focus } }`. A part draws what the form's controls say, again
// at each `change` of the form (undo sets them too), and calls `changed()` after it has set one by script.

import * as difference from "./difference.js";
import * as edit from "./edit.js";
import * as flags from "./flags.js";
import * as highlights from "./highlights.js";
import * as ratings from "./ratings.js";
import * as reason from "./reason.js";
import * as written from "./written.js";

export const PARTS = [ratings, written, flags, edit, highlights, reason, difference];
