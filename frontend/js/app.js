// The one script of every page. Each module adds a behaviour to markup that already works, or reads, without it.
import "./live.js";
import "./theme.js";
import "./dialogs.js";
import "./menus.js";
import "./tooltips.js";
import "./toasts.js";
import "./clipboard.js";
import "./clock.js";
import "./forms.js";
import "./filters.js";
import "./logs.js";
import "./palette.js";
import "./keys.js";
import "./charts.js";
import "./upload.js";
import "./passkeys.js";
import "./invitation.js";
import { mountAll } from "./mount.js";

mountAll();
document.documentElement.dataset.ready = "true";
