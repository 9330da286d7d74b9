// Lints openapi.yaml with Redocly's recommended rules. The library is asked, not its command line: that one brings a web server and
// a user interface, and calls home.
const {createConfig, lint} = require("@redocly/openapi-core");

const rules = {
  // Pages that send a browser on answer 303 and nothing else, and what takes no parameter cannot be asked wrongly. That the
  // answers which are described are those which are given is proved elsewhere, with every one of them seen.
  "operation-2xx-response": "off",
  "operation-4xx-response": "off",
};

(async () => {
  const config = await createConfig({extends: ["recommended"], rules});
  const problems = await lint({ref: process.argv[2], config});
  for (const p of problems) {
    const at = p.location[0];
    console.error(`${at.pointer} ${p.ruleId}: ${p.message}`);
  }
  process.exitCode = problems.length === 0 ? 0 : 1;
})();
