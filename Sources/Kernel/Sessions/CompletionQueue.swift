// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Glibc
internal import Synchronization

/// What a worker thread has done.
enum Completion: Sendable {
    case made(KernelSessionID, Result<KernelSession, DataPlaneError>)
    case broughtUp(KernelSessionID, DataPlaneTicket, DataPlaneError?)
    case mtuSet(KernelSessionID, DataPlaneTicket, DataPlaneError?)
    /// The devices of these sessions are gone; their descriptors are still open.
    case buried([KernelSessionID])
    case closed(KernelSessionID)
    case socketClosed(RequestID)
    case counted(Int, DataPlaneTicket, DataPlaneOutcome)
    case inventoried(Result<KernelInventory, DataPlaneError>)
    /// Of these sessions somebody may have removed some.
    case questioned([KernelSessionID], missing: Set<KernelSessionID>)
}

/// Carries completions from the worker threads to the owner of the data plane.
final class CompletionQueue: Sendable {
    /// Readable while there is something in the queue.
    let descriptor: Int32
    private let completions = Mutex<[Completion]>([])

    init() throws(DataPlaneError) {
        descriptor = culvert_eventfd()
        guard descriptor >= 0 else { throw DataPlaneError(step: "eventfd", code: -descriptor) }
    }

    deinit {
        _ = close(descriptor)
    }

    func post(_ completion: Completion) {
        let wasEmpty = completions.withLock { completions in
            completions.append(completion)
            return completions.count == 1
        }
        if wasEmpty { wake() }
    }

    func wake() {
        _ = culvert_eventfd_give(descriptor, 1)
    }

    func take() -> [Completion] {
        _ = culvert_eventfd_take(descriptor)
        return completions.withLock { completions in
            defer { completions.removeAll() }
            return completions
        }
    }

    /// Waits until there is something, or until the time is over.
    func wait(milliseconds: Int32) {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&waiting, 1, milliseconds)
    }
}
