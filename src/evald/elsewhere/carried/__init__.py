"""What goes along with an export: adapters that stand between another tool and evald's graders.

These modules are copied into the export with all that they import of evald, so they may import only what
needs no server: rules, graders, the contract, and the interfaces of sampling and sandbox.
"""
