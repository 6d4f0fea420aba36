// SPDX-License-Identifier: MIT
// `peer client`: makes a number of connections one after another, whatever becomes of each.
using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Nns.Interop;

internal static class PeerClient
{
    public static async Task<int> RunAsync(PeerOptions options)
    {
        bool allPassed = true;
        for (int connection = 1; connection <= options.Connections; connection++)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, options.Port);
            allPassed &= await Session.RunAsync(connection, client, options, stream =>
                stream.AuthenticateAsClientAsync(
                    options.Credential, options.Binding, options.Target, options.Level,
                    options.Impersonation));
        }
        return allPassed ? 0 : 1;
    }
}
