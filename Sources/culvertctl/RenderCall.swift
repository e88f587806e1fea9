// SPDX-License-Identifier: Apache-2.0
import ControlPlane

/// One call as a person reads it: a paragraph for each layer, from the outside in.
func render(_ call: CallSnapshot) -> String {
    var account = Account()
    account.heading(
        "call \(call.trace)",
        [call.state, "for \(age(call.ageSeconds))", call.user.map { "user \($0)" } ?? "user not known yet"]
    )
    describe(call.ike, &account)
    for esp in call.esp {
        account.layer("ESP", "inbound \(esp.inboundSPI), outbound \(esp.outboundSPI)")
        account.line("\(esp.transform), \(esp.encapsulated ? "in UDP" : "without UDP"), request id \(esp.requestID)")
        if call.esp.count > 1 { account.line(esp.sending ? "what goes out, goes out here" : "for what still comes in") }
    }
    if let l2tp = call.l2tp {
        account.layer("L2TP", "tunnel \(l2tp.tunnel), peer's \(l2tp.peerTunnel)")
        account.line("session \(l2tp.session), peer's \(l2tp.peerSession)")
        if let name = l2tp.hostName { account.line("host name \(name)") }
    }
    if let ppp = call.ppp {
        account.layer("PPP", "phase \(ppp.phase)")
        if let method = ppp.authentication { account.line("authentication \(method)") }
        account.line("peer takes packets up to \(ppp.peerMRU) bytes")
    }
    if call.innerAddress != nil || call.interface != nil || call.mtu != nil {
        let parts = [
            call.innerAddress.map { address in call.gatewayAddress.map { "\(address) to \($0)" } ?? address },
            call.interface.map { "on \($0)" }, call.mtu.map { "MTU \($0)" },
        ].compactMap { $0 }
        account.layer("IP", parts.joined(separator: ", "))
        if let explanation = call.mtuExplanation { account.line(explanation) }
    }
    if let traffic = call.traffic {
        account.layer("traffic", "received \(amount(traffic.receivedPackets, traffic.receivedBytes))")
        account.line("sent     \(amount(traffic.sentPackets, traffic.sentBytes))")
        if let idle = call.idleSeconds { account.line("idle for \(age(idle))") }
    }
    return account.text
}

private func describe(_ ike: CallSnapshot.IKEPart, _ account: inout Account) {
    account.layer("IKE", "\(ike.peer) to \(ike.local)")
    account.line("profile \(ike.profile), \(ike.state)\(ike.ageSeconds.map { " for \(age($0))" } ?? "")")
    if let identity = ike.identity { account.line("identity \(identity)") }
    let marks = [ike.client.map { "client \($0)" }, ike.key.map { "key \($0)" }].compactMap { $0 }
    if !marks.isEmpty { account.line(marks.joined(separator: ", ")) }
    if let transform = ike.transform { account.line(transform) }
    switch (ike.peerBehindNAT, ike.localBehindNAT) {
    case (false, false): account.line("no NAT between")
    case (true, false): account.line("peer behind NAT")
    case (false, true): account.line("gateway behind NAT")
    case (true, true): account.line("both ends behind NAT")
    }
}

/// `1,234 packets, 5,600,000 bytes (5.3 MiB)`.
private func amount(_ packets: UInt64, _ bytes: UInt64) -> String {
    "\(grouped(packets)) packets, \(grouped(bytes)) bytes" + (bytes < 1_024 ? "" : " (\(size(bytes)))")
}

/// Labels on the left, what is told on the right, broken at 80 columns.
private struct Account {
    private(set) var text = ""
    private static let indent = 10

    mutating func heading(_ title: String, _ parts: [String]) {
        text += wrapped("\(title): \(parts.joined(separator: ", "))".visible, first: "", indent: 2)
    }

    mutating func layer(_ label: String, _ line: String) {
        text += wrapped(line.visible, first: "  \(label)".padded(to: Self.indent), indent: Self.indent)
    }

    mutating func line(_ line: String) {
        layer("", line)
    }
}
