"""The device's side: an agent that a device maker can read and port, a gateway, and a simulator of many
devices.

`device` and `measurementlog` are the whole of what runs on a device and use no more than SHA-256, a
signature, CBOR, and a few hundred bytes of state that must survive a power loss. `gateway` runs in the
hospital. `simulator` is many agents with faults that can be turned on; it says of itself that it is a
simulation in each device's `hwversion`. Imports no server code. Start at `device.Device.attest`.
"""
