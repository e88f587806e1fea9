// SPDX-License-Identifier: Apache-2.0
internal import L2TP

extension Lowering {
    mutating func l2tp(_ section: Section, hostName: String) -> L2TP.Configuration {
        var section = section
        var configuration = L2TP.Configuration(hostName: hostName)
        if let node = section.take("require-ipsec"), node.boolean("require-ipsec", &diagnostics) == false {
            diagnostics.error(
                node.position,
                "L2TP without IPsec is not supported yet",
                remedy: "leave require-ipsec out, or set it to true"
            )
        }
        if let node = section.take("secret") {
            configuration.secret = secret(node, "the tunnel secret")
        }
        if let node = section.take("hello-interval"),
            let value = node.duration("hello-interval", in: .seconds(5)...(.seconds(3_600)), &diagnostics)
        {
            configuration.helloInterval = value
            questions.hello = node.position
        }
        if let node = section.take("receive-window-size"),
            let value = node.integer("receive-window-size", in: 1...1_024, &diagnostics)
        {
            configuration.receiveWindowSize = UInt16(value)
        }
        if let node = section.take("retransmission-limit"),
            let value = node.integer("retransmission-limit", in: 1...30, &diagnostics)
        {
            configuration.retransmissionLimit = value
        }
        section.finish(&diagnostics)
        return configuration
    }
}
