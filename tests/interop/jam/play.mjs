// jmap-jam, unchanged, plays a part; what it saw goes to standard output as JSON.
// node play.mjs SESSION-URL TOKEN
import JamClient from "jmap-jam";

const [sessionUrl, bearerToken] = process.argv.slice(2);
const jam = new JamClient({ sessionUrl, bearerToken });
const accountId = await jam.getPrimaryAccount();
const { username } = await jam.session;
const text = "Grüße, by jmap-jam.\n";

const [{ ids: [drafts] }] = await jam.api.Mailbox.query({ accountId, filter: { role: "drafts" } });
const [{ ids: [sent] }] = await jam.api.Mailbox.query({ accountId, filter: { role: "sent" } });
const [{ list: [identity] }] = await jam.request(["Identity/get", { accountId, ids: null }]);

const uploaded = await jam.uploadBlob(accountId, new Blob([new Uint8Array(100000).fill(7)]));
const email = {
  mailboxIds: { [drafts]: true },
  keywords: { $draft: true },
  from: [{ name: "Alice", email: username }],
  to: [{ name: null, email: "bob@uiowa.test" }],
  subject: "from jmap-jam",
  bodyValues: { text: { value: text } },
  textBody: [{ partId: "text", type: "text/plain" }],
  attachments: [{ blobId: uploaded.blobId, type: "application/octet-stream", name: "sevens.bin" }],
};
const [created] = await jam.requestMany((t) => ({
  set: t.Email.set({ accountId, create: { draft: email } }),
  submission: t.EmailSubmission.set({
    accountId,
    create: { send: { emailId: "#draft", identityId: identity.id } },
    onSuccessUpdateEmail: {
      "#send": { "keywords/$draft": null, [`mailboxIds/${drafts}`]: null, [`mailboxIds/${sent}`]: true },
    },
  }),
}));

// One call has two responses (RFC 8621 §7.5); the client keeps the last of a call, which is that of Email/set.
const moved = Object.keys(created.submission.updated);
const [{ ids: submissions }] = await jam.api.EmailSubmission.query({ accountId });

const [found, meta] = await jam.requestMany((t) => {
  const query = t.Email.query({ accountId, filter: { inMailbox: sent }, limit: 10 });
  const get = t.Email.get({
    accountId,
    ids: query.$ref("/ids"),
    properties: ["id", "subject", "threadId", "keywords", "attachments", "textBody", "bodyValues"],
    fetchTextBodyValues: true,
  });
  const threads = t.Thread.get({ accountId, ids: get.$ref("/list/*/threadId") });
  return { query, get, threads };
});
const [message] = found.get.list;
const [attachment] = message.attachments;
const downloaded = await jam.downloadBlob({
  accountId, blobId: attachment.blobId, mimeType: attachment.type, fileName: attachment.name,
});
const octets = new Uint8Array(await downloaded.arrayBuffer());

let refused = null;
try {
  await jam.api.Email.get({ accountId: "a999999", ids: [] });
} catch (error) {
  refused = error.type;
}

console.log(JSON.stringify({
  username,
  uploaded: uploaded.size,
  created: Object.keys(created.set.created),
  moved: moved.length,
  submissions: submissions.length,
  subject: message.subject,
  keywords: message.keywords,
  text: Object.values(message.bodyValues).map((value) => value.value),
  inThread: found.threads.list[0].emailIds.includes(message.id),
  downloaded: octets.length,
  sevens: octets.every((octet) => octet === 7),
  hasState: typeof meta.sessionState === "string",
  refused,
}));
