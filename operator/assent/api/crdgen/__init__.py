"""CustomResourceDefinitions made from the resource models; see ``crdgen.assemble``."""

from assent.api.crdgen.assemble import custom_resource_definitions
from assent.api.crdgen.structural import SchemaError, structural_schema

__all__ = ["SchemaError", "custom_resource_definitions", "structural_schema"]
