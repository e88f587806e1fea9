// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite struct SocketAddressTests {
    @Test("An IPv6 address is put in brackets before its port")
    func descriptions() {
        #expect(SocketAddress(.v4(0xC000_0201), port: 500).description == "192.0.2.1:500")
        let v6 = IPAddress.v6(high: 0x2001_0DB8_0000_0000, low: 1)
        #expect(SocketAddress(v6, port: 4500).description == "[2001:db8::1]:4500")
    }
}
