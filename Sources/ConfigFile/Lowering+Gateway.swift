// SPDX-License-Identifier: Apache-2.0
internal import Primitives

struct GatewaySection {
    var name = ""
    var listen: [IPAddress] = [.v4(0), .v6(high: 0, low: 0)]
    var outerMTU = 1500
}

extension Lowering {
    mutating func gateway(_ section: Section) -> GatewaySection {
        var section = section
        var gateway = GatewaySection()
        if let node = section.require("name", &diagnostics), let name = node.text("name", &diagnostics) {
            gateway.name = name
            if name.isEmpty {
                diagnostics.error(node.position, "the name of the gateway is empty")
            } else if !(name.utf8.count <= 255 && name.utf8.allSatisfy { (0x21...0x7E).contains($0) }) {
                diagnostics.error(node.position, "the name of the gateway is up to 255 ASCII characters without spaces")
            }
        }
        if let node = section.take("listen") {
            let addresses = node.addresses("listen", &diagnostics)
            if case .list(let elements) = node.content, elements.isEmpty {
                diagnostics.error(node.position, "listen names no address")
            }
            for (address, position) in addresses where address.isMulticast {
                diagnostics.error(position, "\(address) is no address of a machine")
            }
            gateway.listen = addresses.map(\.address)
        }
        if let node = section.take("outer-mtu"),
            let value = node.integer("outer-mtu", in: 576...9_216, &diagnostics)
        {
            gateway.outerMTU = value
        }
        section.finish(&diagnostics)
        return gateway
    }
}

extension IPAddress {
    /// Names a group or everybody, never one machine.
    var isMulticast: Bool {
        switch self {
        case .v4(let value): value >> 28 >= 0xE
        case .v6(let high, _): high >> 56 == 0xFF
        }
    }
}
