// SPDX-License-Identifier: MIT
// `peer server`: serves a number of connections one after another, whatever becomes of each.
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication.ExtendedProtection;

namespace Nns.Interop;

internal static class PeerServer
{
    public static async Task<int> RunAsync(PeerOptions options)
    {
        using var listener = new TcpListener(IPAddress.Loopback, options.Port);
        listener.Start();
        Events.Print(new { @event = "listening", port = ((IPEndPoint)listener.LocalEndpoint).Port });

        bool allPassed = true;
        for (int connection = 1; connection <= options.Connections; connection++)
        {
            using TcpClient client = await listener.AcceptTcpClientAsync();
            allPassed &= await Session.RunAsync(connection, client, options, stream =>
                stream.AuthenticateAsServerAsync(
                    CredentialCache.DefaultNetworkCredentials, Policy(options), options.Level,
                    options.Impersonation));
        }
        return allPassed ? 0 : 1;
    }

    private static ExtendedProtectionPolicy? Policy(PeerOptions options) => options.Binding is null
        ? null
        : new ExtendedProtectionPolicy(PolicyEnforcement.WhenSupported, options.Binding);
}
