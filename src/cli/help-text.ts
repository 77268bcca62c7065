/** What `planish --help` prints, 80 columns wide. Made by its test: UPDATE_DOCS=1 writes it anew. */
export const HELP_TEXT = `Usage: planish [options] [command]

Flatten OCI images, digest them as composefs hosts do, and split them into
layers that last.

Options:
  -V, --version                         output the version number
  --json                                one JSON document on standard output
                                        instead of text
  -j, --jobs <n>                        threads (never changes a byte)
  -q, --quiet                           no text, no progress, no warnings;
                                        errors remain
  -v, --verbose                         all warnings, and causes of errors
  --progress <mode>                     progress on standard error (choices:
                                        "auto", "plain", "none", default:
                                        "auto")
  --authfile <file>                     credentials for registries (default: as
                                        of podman and docker)
  --tls-verify <bool>                   trust only registries with good
                                        certificates; with false also HTTP
                                        (default: true)
  -h, --help                            display help for command

Commands:
  build [options] <source>              flatten an image, digest it, and write
                                        it as layers that last
  merge [options] <base> <others...>    lay sources over each other and build
                                        one image of them
  digest [options] <source>             print the composefs digests, computed
                                        from the tars as a host would
  dump [options] <source>               print the composefs dumpfile
  mkfs [options] <source>               write the composefs EROFS image and
                                        print its fs-verity digest
  ls [options] <source> [path]          list what an image or EROFS file holds
  cat [options] <source> <path>         print the content of a file of an image
  inspect [options] <image>             show layers, components, digests, labels
                                        and annotations of an image
  plan [options] <source> [others...]   show how an image would be split,
                                        without writing it
  simulate [options] <image...>         what updates along a series of images
                                        cost, by way of splitting them
  seal [options] <source>               make an image that boots as it is or not
                                        at all: a signed UKI with its digest
  pe [options] [command]                look at, sign and verify EFI programs:
                                        UKIs, addons, boot loaders
  enroll [options]                      write the files by which a machine takes
                                        up Secure Boot keys: PK, KEK and db
  sign [options] <image>                sign an image or a file, for cosign,
                                        podman, skopeo, bootc and the kernel
  verify [options] <image>              recompute every digest that an image
                                        claims, and check who signed it
  copy [options] <source> <dest>        copy an image between layouts, archives
                                        and registries, bytes unchanged
  lint [options] [image]                tell what hosts will refuse of an image,
                                        and how to mend it
  explain [options] <a> [b]             find out why two views of an image
                                        disagree
  diff [options] <a> <b>                print what differs between two trees
  selabel [options] <image> <path...>   show which SELinux label the policy
                                        inside an image gives a path, and why
  emit [options] <source>               write an image into a composefs
                                        repository, as bootc hosts and cfsctl
                                        store it
  repo [options] [command]              look after a composefs repository:
                                        check, collect, list, export
  mount [options] <image> <mountpoint>  mount a composefs image over its
                                        objects, by digest or not at all
  umount [options] <mountpoint>         take a mount of a composefs image away
  cache [options] [command]             look after the cache of layers that were
                                        read before
  help [command]                        display help for command

References:
  oci:DIR[:TAG|@DIGEST]      an OCI image layout            oci-archive:FILE[:TAG]     the same in a tar
  docker-archive:FILE[:REF]  what docker or podman save     tar:FILE                   one flat tar
  rootfs:DIR                 a directory                    dump:FILE, dump:-          a composefs dumpfile
  docker://HOST/REPOSITORY[:TAG|@DIGEST]                    an image in a registry
  A bare path is recognised by what lies there.

Exit status:
  0 done, nothing found    1 findings    2 usage    3 bad input    4 integrity    5 environment    70 internal

Examples:
  $ planish build oci:app:latest -o oci:app:flat
  $ planish digest oci-archive:app.tar
  $ planish verify oci:app:flat
`;
