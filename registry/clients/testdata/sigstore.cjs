// Attaches an artifact to an image with @sigstore/oci, as signing tools do:
//   node sigstore.cjs PACKAGE IMAGE TAG USER PASSWORD
// and prints the digests of both.
const [, , pkg, imageName, imageTag, username, password] = process.argv;
const { attachArtifactToImage, getImageDigest } = require(pkg);

async function main() {
  const credentials = { username, password };
  const digest = await getImageDigest({ imageName, imageTag, credentials });
  const attached = await attachArtifactToImage({
    imageName,
    imageDigest: digest,
    artifact: Buffer.from('{"signed":true}'),
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    annotations: { kind: 'signature' },
    credentials,
  });
  console.log(JSON.stringify({ digest, attached: attached.digest }));
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
