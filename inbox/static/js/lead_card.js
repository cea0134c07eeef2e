// One lead: fields that are kept when one leaves them. Its stages are `stepper.js`.

import "./page.js";

document.getElementById("main").addEventListener("change", (event) => {
  const form = event.target.closest("form[data-on-change]");
  if (form?.reportValidity()) form.requestSubmit();
});
