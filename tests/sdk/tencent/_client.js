// Makes calls with the official Node.js client. Reads {profile, key, calls: [[action, parameters], …]} from standard input;
// writes an array of {answer} or {code, message, requestId}.

const { cam } = require("tencentcloud-sdk-nodejs/tencentcloud/services/cam");

async function call(client, [action, parameters]) {
  try {
    return { answer: await client[action](parameters) };
  } catch (error) {
    return { code: error.code, message: error.message, requestId: error.requestId };
  }
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { profile, key, calls } = JSON.parse(Buffer.concat(chunks).toString());
  const [secretId, secretKey, token] = key;
  const client = new cam.v20190116.Client({ credential: { secretId, secretKey, token }, region: "", profile });
  const results = [];
  for (const one of calls) results.push(await call(client, one));
  process.stdout.write(JSON.stringify(results));
}

main();
