#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes a certificate authority and a TSA's certificate in a folder: make.sh FOLDER
set -eu
mkdir -p "$1"
cd "$1"
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=Test TSA CA" -out ca.pem \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
openssl ecparam -name prime256v1 -genkey -noout -out tsa.key
openssl req -new -key tsa.key -subj "/CN=Test TSA" -out tsa.csr
printf '%s\n' 'basicConstraints=CA:FALSE' 'keyUsage=critical,digitalSignature' \
    'extendedKeyUsage=critical,timeStamping' >tsa.ext
openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -sha256 \
    -extfile tsa.ext -out tsa.pem 2>/dev/null
echo 01 >serial
printf '%s\n' '[tsa]' 'default_tsa = t' '[t]' 'serial = serial' 'signer_cert = tsa.pem' \
    'signer_key = tsa.key' 'certs = ca.pem' 'default_policy = 1.2.3.4.1' 'signer_digest = sha256' \
    'digests = sha256' 'accuracy = secs:1' 'ordering = no' 'tsa_name = no' \
    'ess_cert_id_chain = no' 'ess_cert_id_alg = sha256' >tsa.cnf
