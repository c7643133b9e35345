# The same commands as outside: dotnet publish, then dotnet OtpPortal.dll.
# The build runs on the builder's own architecture and compiles for that of the image.
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG SOURCE_REVISION=
ARG TARGETARCH
WORKDIR /source
COPY global.json Directory.Build.props Directory.Packages.props .editorconfig ./
COPY build/ build/
COPY OtpPortal/ OtpPortal/
RUN dotnet publish OtpPortal --configuration Release --arch $TARGETARCH --output /app -p:UseAppHost=false -p:SourceRevisionId=$SOURCE_REVISION \
    && mkdir /data

# Without a shell or a package manager. "extra" has the data of languages (ICU), which the pages need.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled-extra
WORKDIR /app
COPY --from=build /app ./
# The user of the base image, app ($APP_UID).
COPY --from=build --chown=1654:1654 /data /data
# A youngest generation of 8 MB: the default follows the processor's cache, which on big servers costs some 40 MB for nothing.
# Without diagnostics, .NET writes nothing to /tmp.
ENV ASPNETCORE_ENVIRONMENT=Production DATA_DIR=/data DOTNET_GCgen0size=0x800000 DOTNET_EnableDiagnostics=0
VOLUME /data
USER $APP_UID
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["dotnet", "OtpPortal.dll", "--probe"]
ENTRYPOINT ["dotnet", "OtpPortal.dll"]
