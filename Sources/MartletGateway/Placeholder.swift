enum MartletGatewayPlaceholder {}
