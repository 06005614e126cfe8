// SPDX-License-Identifier: MIT
// @sigstore/verify accepts a bundle's evidence.sigstore.json with the key that it is given, and
// refuses it with another: sigstore.mjs EVIDENCE KEY.pem [TSA-CA.pem TSA.pem]
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { createPublicKey, X509Certificate } from 'node:crypto';

const require = createRequire(`${process.env.npm_modules}/`);
const { bundleFromJSON } = require('@sigstore/bundle');
const { Verifier, toSignedEntity } = require('@sigstore/verify');
const { X509Certificate: SigstoreCertificate } = require('@sigstore/core');

const [evidence, keyFile, caFile, tsaFile] = process.argv.slice(2);
const bundle = bundleFromJSON(JSON.parse(readFileSync(evidence, 'utf8')));
const authorities = caFile === undefined ? [] : [{
    certChain: [tsaFile, caFile].map((file) =>
        SigstoreCertificate.parse(new X509Certificate(readFileSync(file)).raw)),
    validFor: { start: new Date(0), end: new Date('2100-01-01') },
}];
const trust = {
    certificateAuthorities: [], timestampAuthorities: authorities, tlogs: [], ctlogs: [],
    publicKey: () => ({
        publicKey: createPublicKey(readFileSync(keyFile)),
        validFor: () => true,
    }),
};
const verifier = new Verifier(trust, {
    tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: authorities.length,
});
verifier.verify(toSignedEntity(bundle));
console.log('accepted');
