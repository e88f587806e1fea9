// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import PPP
import Primitives
import Testing

struct UserDirectoryTests {
    private let directory = UserDirectory(
        ["alice", "OFFICE\\bob"].map { User(name: $0, secret: .password(SecretBytes(copying: [0x78]))) }
    )

    @Test func findsABareNameBehindADomain() {
        #expect(directory["alice"]?.name == "alice")
        #expect(directory["HOME\\alice"]?.name == "alice")
    }

    @Test func aFullNameCountsOnlyInFull() {
        #expect(directory["OFFICE\\bob"]?.name == "OFFICE\\bob")
        #expect(directory["HOME\\bob"] == nil)
        #expect(directory["bob"] == nil)
    }
}
