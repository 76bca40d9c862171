// nodemailer's SES transport with better-sqlite3: 50 at once, a row is marked when its mail is sent.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.env.BENCH_NODE + "/");
const Database = require("better-sqlite3");
const nodemailer = require("nodemailer");
const { SESv2Client, SendEmailCommand } = require("@aws-sdk/client-sesv2");

const { target, mapping, update, subject, html, text } = JSON.parse(readFileSync("mail.json", "utf8"));
const crm = new Database("crm.db");
const mapOne = crm.prepare(mapping);
const mark = crm.prepare(update);
const sesClient = new SESv2Client({ endpoint: process.env.AWS_ENDPOINT_URL_SESV2, region: process.env.AWS_REGION });
const transport = nodemailer.createTransport({ SES: { sesClient, SendEmailCommand } });
const filled = (template, row) => template.replace(/\$\((\w+)\)/g, (_, name) => row[name]);

const rows = crm.prepare(target).all();
let next = 0;
async function loop() {
  while (next < rows.length) {
    const customer = rows[next++];
    const row = { ...customer, ...mapOne.get({ CUST_ID: customer.CUST_ID }) };
    await transport.sendMail({
      from: "billing@example.co.kr",
      to: row.EMAIL,
      subject: filled(subject, row),
      html: filled(html, row),
      text: filled(text, row),
    });
    mark.run({ CUST_ID: row.CUST_ID, SENT_AT: new Date().toISOString() });
  }
}
await Promise.all(Array.from({ length: 50 }, loop));
